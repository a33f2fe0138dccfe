/* SPDX-License-Identifier: Apache-2.0
 * Certificate: a certificate that was read whole (zc_certificate_read); what is asked for of it is made when it is asked for. */
#include "hot.h"

#include <stddef.h>

enum { BMP = 0x1E, BITS = 0x03, OTHER_NAME = 0xA0, DNS = 0x82, URI = 0x86 };

typedef struct {
    PyObject_HEAD
    PyObject *der;
    PyObject *purposes, *policies, *issuer, *subject; /* made once: a verifier asks for them again and again */
    zc_certificate of;
} Certificate;

static PyObject *certificate_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords)
{
    Certificate *self;
    const char *field;
    PyObject *data;
    zc_status status;

    if (keywords != NULL || !PyArg_UnpackTuple(arguments, "Certificate", 1, 1, &data)) {
        if (!PyErr_Occurred())
            PyErr_SetString(PyExc_TypeError, "Certificate() takes no keywords");
        return NULL;
    }
    self = (Certificate *)PyType_GenericAlloc(type, 0);
    if (self == NULL)
        return NULL;
    self->der = PyBytes_FromObject(data);
    if (self->der != NULL) {
        status = zc_certificate_read((const uint8_t *)PyBytes_AsString(self->der), (size_t)PyBytes_Size(self->der), &self->of, &field);
        if (status == ZC_OK)
            return (PyObject *)self;
        raise_in("zorgid_card.codec.certificate", "_malformed", Py_BuildValue("(is)", (int)status, field));
    }
    Py_DECREF(self);
    return NULL;
}

/* A subclass may have made room that another allocator gives back. */
static void certificate_free(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);

    Py_XDECREF(((Certificate *)object)->der);
    Py_XDECREF(((Certificate *)object)->purposes);
    Py_XDECREF(((Certificate *)object)->policies);
    Py_XDECREF(((Certificate *)object)->issuer);
    Py_XDECREF(((Certificate *)object)->subject);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(object);
    Py_DECREF(type);
}

static const uint8_t *bytes_in(const Certificate *self)
{
    return (const uint8_t *)PyBytes_AsString(self->der);
}

static PyObject *part(const Certificate *self, zc_slice part)
{
    return bytes_of(bytes_in(self) + part.at, part.length);
}

static PyObject *text(const Certificate *self, zc_slice part, uint8_t tag)
{
    const char *at = (const char *)bytes_in(self) + part.at;
    int big_endian = 1;

    if (tag == BMP)
        return PyUnicode_DecodeUTF16(at, (Py_ssize_t)part.length, "strict", &big_endian);
    return PyUnicode_FromStringAndSize(at, (Py_ssize_t)part.length);
}

static int same_text(PyObject *text, const char *other, size_t length)
{
    Py_ssize_t own;
    const char *at = PyUnicode_AsUTF8AndSize(text, &own);

    if (at == NULL)
        PyErr_Clear(); /* half a surrogate is no OID */
    return at != NULL && (size_t)own == length && memcmp(at, other, length) == 0;
}

/* The dotted text of an OID, NUL-terminated. */
static size_t dotted(const Certificate *self, zc_slice oid, char *out)
{
    size_t length = zc_oid_text(bytes_in(self) + oid.at, oid.length, out);

    out[length] = 0;
    return length;
}

static PyObject *oid_text(const Certificate *self, zc_slice oid)
{
    char out[ZC_OID_TEXT_MAX + 1];

    return PyUnicode_FromStringAndSize(out, (Py_ssize_t)dotted(self, oid, out));
}

/* Whether an OID is that of `wanted`, a text. */
static int is(const Certificate *self, zc_slice oid, PyObject *wanted)
{
    char out[ZC_OID_TEXT_MAX + 1];
    size_t length = dotted(self, oid, out);

    return same_text(wanted, out, length);
}

/* Append `item`, which is given away, or clear the list. */
static void append(PyObject **list, PyObject *item)
{
    if (item == NULL || PyList_Append(*list, item) != 0)
        Py_CLEAR(*list);
    Py_XDECREF(item);
}

static PyObject *tuple_of(PyObject *list)
{
    PyObject *tuple = list == NULL ? NULL : PyList_AsTuple(list);

    Py_XDECREF(list);
    return tuple;
}

static int has(const Certificate *self, uint32_t extension)
{
    return (int)(self->of.present >> extension & 1);
}

/* ---- what it says -------------------------------------------------------------------------------------------------- */

#define SELF const Certificate *self = (const Certificate *)object
#define ABOUT(closure) ((uint32_t)(uintptr_t)(closure))

static PyObject *get_der(PyObject *object, void *closure)
{
    (void)closure;
    return Py_NewRef(((Certificate *)object)->der);
}

/* `closure`: offset of a zc_slice. */
static PyObject *get_part(PyObject *object, void *closure)
{
    SELF;
    zc_slice found;

    memcpy(&found, (const char *)&self->of + ABOUT(closure), sizeof found);
    return part(self, found);
}

static PyObject *get_issuer(PyObject *object, void *closure)
{
    Certificate *self = (Certificate *)object;

    (void)closure;
    if (self->issuer == NULL)
        self->issuer = part(self, self->of.issuer);
    return Py_XNewRef(self->issuer);
}

static PyObject *get_subject(PyObject *object, void *closure)
{
    Certificate *self = (Certificate *)object;

    (void)closure;
    if (self->subject == NULL)
        self->subject = part(self, self->of.subject);
    return Py_XNewRef(self->subject);
}

/* `closure`: offset of an int64_t. */
static PyObject *get_moment(PyObject *object, void *closure)
{
    SELF;
    int64_t found;

    memcpy(&found, (const char *)&self->of + ABOUT(closure), sizeof found);
    return PyLong_FromLongLong(found);
}

/* `closure`: ZC_EXTENSION_... */
static PyObject *get_value(PyObject *object, void *closure)
{
    SELF;
    zc_slice found = self->of.value[ABOUT(closure)];

    if (found.length == 0)
        Py_RETURN_NONE;
    return part(self, found);
}

static PyObject *get_serial(PyObject *object, void *closure)
{
    SELF;
    static const char digits[] = "0123456789abcdef";
    char text[2 * sizeof self->of.serial + 1];
    uint64_t low = 0;
    size_t zeros = 0;

    (void)closure;
    while (zeros < sizeof self->of.serial && self->of.serial[zeros] == 0)
        zeros++;
    for (size_t i = 0; i < sizeof self->of.serial; i++) {
        low = low << 8 | self->of.serial[i];
        text[2 * i] = digits[self->of.serial[i] >> 4];
        text[2 * i + 1] = digits[self->of.serial[i] & 15];
    }
    text[sizeof text - 1] = 0;
    if (sizeof self->of.serial - zeros <= sizeof low)
        return PyLong_FromUnsignedLongLong(low);
    return PyLong_FromString(text, NULL, 16);
}

static PyObject *get_serial_octets(PyObject *object, void *closure)
{
    SELF;

    (void)closure;
    return bytes_of(self->of.serial, sizeof self->of.serial);
}

static PyObject *get_signature_algorithm(PyObject *object, void *closure)
{
    SELF;
    static const char *const names[] = {NULL, "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"};

    (void)closure;
    if (self->of.signed_by != ZC_SIGNED_OTHER)
        return PyUnicode_FromString(names[self->of.signed_by]);
    return oid_text(self, self->of.algorithm);
}

static PyObject *get_key(PyObject *object, void *closure)
{
    SELF;

    (void)closure;
    return Py_BuildValue("(iik)", self->of.key_kind, self->of.key_bits, (unsigned long)self->of.key_exponent);
}

static PyObject *get_key_usage(PyObject *object, void *closure)
{
    SELF;

    (void)closure;
    return PyLong_FromLong(self->of.key_usage);
}

static PyObject *get_is_ca(PyObject *object, void *closure)
{
    (void)closure;
    return PyBool_FromLong(((const Certificate *)object)->of.is_ca);
}

static PyObject *get_path_length(PyObject *object, void *closure)
{
    SELF;

    (void)closure;
    if (self->of.path_length < 0)
        Py_RETURN_NONE;
    return PyLong_FromLong(self->of.path_length);
}

/* The OIDs in a list. */
static PyObject *read_oids(const Certificate *self, uint32_t extension, uint32_t what)
{
    zc_slice all = zc_certificate_walk(bytes_in(self), self->of.value[extension], what), rest = all;
    Py_ssize_t count = 0;
    PyObject *tuple;
    zc_item item;

    while (zc_certificate_next(bytes_in(self), what, &rest, &item) == ZC_MORE)
        count++;
    tuple = PyTuple_New(count);
    for (Py_ssize_t i = 0; tuple != NULL && i < count; i++) {
        PyObject *text;

        zc_certificate_next(bytes_in(self), what, &all, &item);
        text = oid_text(self, item.type);
        if (text == NULL)
            Py_CLEAR(tuple);
        else
            PyTuple_SetItem(tuple, i, text);
    }
    return tuple;
}

/* The same, kept in `kept`. */
static PyObject *oids(const Certificate *self, PyObject **kept, uint32_t extension, uint32_t what)
{
    if (*kept == NULL)
        *kept = read_oids(self, extension, what);
    return Py_XNewRef(*kept);
}

static PyObject *get_policies(PyObject *object, void *closure)
{
    Certificate *self = (Certificate *)object;

    (void)closure;
    return oids(self, &self->policies, ZC_EXTENSION_POLICIES, ZC_WALK_POLICIES);
}

static PyObject *get_purposes(PyObject *object, void *closure)
{
    Certificate *self = (Certificate *)object;

    (void)closure;
    if (!has(self, ZC_EXTENSION_PURPOSES))
        Py_RETURN_NONE;
    return oids(self, &self->purposes, ZC_EXTENSION_PURPOSES, ZC_WALK_PURPOSES);
}

/* `closure`: ZC_EXTENSION_... */
static PyObject *get_critical(PyObject *object, void *closure)
{
    return PyBool_FromLong((long)(((const Certificate *)object)->of.critical >> ABOUT(closure) & 1));
}

/* The texts of the general names of this kind in `names`, appended. */
static void append_names(const Certificate *self, PyObject **list, zc_slice names, uint8_t tag)
{
    zc_slice rest = zc_certificate_walk(bytes_in(self), names, ZC_WALK_NAMES);
    zc_item item;

    while (*list != NULL && zc_certificate_next(bytes_in(self), ZC_WALK_NAMES, &rest, &item) == ZC_MORE)
        if (item.tag == tag)
            append(list, text(self, item.value, tag));
}

/* `closure`: DNS or URI. */
static PyObject *get_names(PyObject *object, void *closure)
{
    SELF;
    PyObject *list = PyList_New(0);

    append_names(self, &list, self->of.value[ZC_EXTENSION_NAMES], (uint8_t)ABOUT(closure));
    return tuple_of(list);
}

static PyObject *get_crl_urls(PyObject *object, void *closure)
{
    SELF;
    zc_slice rest = zc_certificate_walk(bytes_in(self), self->of.value[ZC_EXTENSION_CRL_POINTS], ZC_WALK_POINTS);
    PyObject *list = PyList_New(0);
    zc_item item;

    (void)closure;
    while (list != NULL && zc_certificate_next(bytes_in(self), ZC_WALK_POINTS, &rest, &item) == ZC_MORE)
        append_names(self, &list, item.value, URI);
    return tuple_of(list);
}

static PyObject *get_ocsp_urls(PyObject *object, void *closure)
{
    SELF;
    static const uint8_t ocsp[] = {0x2B, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01}; /* 1.3.6.1.5.5.7.48.1 */
    zc_slice rest = zc_certificate_walk(bytes_in(self), self->of.value[ZC_EXTENSION_ACCESS], ZC_WALK_ACCESS);
    PyObject *list = PyList_New(0);
    zc_item item;

    (void)closure;
    while (list != NULL && zc_certificate_next(bytes_in(self), ZC_WALK_ACCESS, &rest, &item) == ZC_MORE)
        if (item.tag == URI && item.type.length == sizeof ocsp && memcmp(bytes_in(self) + item.type.at, ocsp, sizeof ocsp) == 0)
            append(&list, text(self, item.value, URI));
    return tuple_of(list);
}

/* Whether an extension of this OID is one that is read. */
static int is_read(const Certificate *self, zc_slice value)
{
    for (uint32_t i = 0; i < ZC_EXTENSIONS; i++) {
        zc_slice known = self->of.value[i];

        if (known.length > 0 && known.at >= value.at && known.at < value.at + value.length)
            return 1;
    }
    return 0;
}

static PyObject *get_unknown_critical(PyObject *object, void *closure)
{
    SELF;
    zc_slice rest = self->of.extensions;
    PyObject *list;
    zc_item item;

    (void)closure;
    if (self->of.unknown_critical == 0)
        return PyTuple_New(0);
    list = PyList_New(0);
    while (list != NULL && zc_certificate_next(bytes_in(self), ZC_WALK_EXTENSIONS, &rest, &item) == ZC_MORE)
        if (item.tag && !is_read(self, item.value))
            append(&list, oid_text(self, item.type));
    return tuple_of(list);
}

/* Add `value`, which is given away, to the tuple under `key`, which is too. */
static int add(PyObject *attributes, PyObject *key, PyObject *value)
{
    PyObject *before = key == NULL || value == NULL ? NULL : PyDict_GetItemWithError(attributes, key);
    PyObject *one = value == NULL ? NULL : PyTuple_Pack(1, value), *all = NULL;
    int done = 0;

    if (one != NULL && !PyErr_Occurred())
        all = before == NULL ? Py_NewRef(one) : PySequence_Concat(before, one);
    if (all != NULL)
        done = PyDict_SetItem(attributes, key, all) == 0;
    Py_XDECREF(all);
    Py_XDECREF(one);
    Py_XDECREF(value);
    Py_XDECREF(key);
    return done;
}

/* `closure`: offset of a Name. */
static PyObject *get_attributes(PyObject *object, void *closure)
{
    SELF;
    PyObject *attributes = PyDict_New();
    zc_slice name, rest;
    zc_item item;

    memcpy(&name, (const char *)&self->of + ABOUT(closure), sizeof name);
    rest = zc_certificate_walk(bytes_in(self), name, ZC_WALK_NAME);
    while (attributes != NULL && zc_certificate_next(bytes_in(self), ZC_WALK_NAME, &rest, &item) == ZC_MORE)
        if (item.tag != BITS && !add(attributes, oid_text(self, item.type), text(self, item.value, item.tag)))
            Py_CLEAR(attributes);
    return attributes;
}

static int require_text(PyObject *object)
{
    if (!PyUnicode_Check(object))
        PyErr_SetString(PyExc_TypeError, "an object identifier is text");
    return PyUnicode_Check(object);
}

static PyObject *other_names(PyObject *object, PyObject *type)
{
    SELF;
    zc_slice rest = zc_certificate_walk(bytes_in(self), self->of.value[ZC_EXTENSION_NAMES], ZC_WALK_NAMES);
    PyObject *list = require_text(type) ? PyList_New(0) : NULL;
    zc_item item;

    while (list != NULL && zc_certificate_next(bytes_in(self), ZC_WALK_NAMES, &rest, &item) == ZC_MORE)
        if (item.tag == OTHER_NAME && is(self, item.type, type))
            append(&list, part(self, item.value));
    return tuple_of(list);
}

enum { IA5_STRING = 0x16 };

/* The text in a DER string of this type; False for one of another type, and for what is no text. */
static PyObject *string(const Certificate *self, zc_slice value, uint32_t tag)
{
    const uint8_t *at = bytes_in(self) + value.at;
    uint32_t header = at[1] < 0x80 ? 2 : 2 + (at[1] & 0x7Fu); /* the decoder has seen that it is one object and no more */
    zc_slice contents = {value.at + header, value.length - header};
    PyObject *found;

    if (at[0] != tag)
        return Py_NewRef(Py_False);
    for (uint32_t i = header; tag == IA5_STRING && i < value.length; i++)
        if (at[i] > 0x7F)
            return Py_NewRef(Py_False);
    found = text(self, contents, 0);
    if (found != NULL || !PyErr_ExceptionMatches(PyExc_UnicodeDecodeError))
        return found;
    PyErr_Clear();
    return Py_NewRef(Py_False);
}

static PyObject *other_text(PyObject *object, PyObject *const *arguments, Py_ssize_t count)
{
    SELF;
    zc_slice rest = zc_certificate_walk(bytes_in(self), self->of.value[ZC_EXTENSION_NAMES], ZC_WALK_NAMES), value = {0, 0};
    uint32_t tag;
    int found = 0;
    zc_item item;

    if (count != 2) {
        PyErr_SetString(PyExc_TypeError, "other_text() takes a type and a tag");
        return NULL;
    }
    if (!require_text(arguments[0]) || !number(arguments[1], 0xFF, &tag))
        return NULL;
    while (zc_certificate_next(bytes_in(self), ZC_WALK_NAMES, &rest, &item) == ZC_MORE)
        if (item.tag == OTHER_NAME && is(self, item.type, arguments[0])) {
            value = item.value;
            found++;
        }
    if (found == 0)
        Py_RETURN_NONE;
    return found > 1 ? Py_NewRef(Py_False) : string(self, value, tag);
}

enum { TEXTS = 8 };

static void replace(PyObject **at, PyObject *other)
{
    Py_DECREF(*at);
    *at = other;
}

/* Keep the text of an attribute that is of one of `types`; False for one that is no text, or not the only one of its type. */
static int note(const Certificate *self, const zc_item *item, PyObject *types, PyObject *texts[], Py_ssize_t count)
{
    char type[ZC_OID_TEXT_MAX + 1];
    size_t length = dotted(self, item->type, type);

    for (Py_ssize_t i = 0; i < count; i++) {
        if (!same_text(PyTuple_GetItem(types, i), type, length))
            continue;
        if (texts[i] == NULL)
            texts[i] = item->tag == BITS ? Py_NewRef(Py_False) : text(self, item->value, item->tag);
        else
            replace(&texts[i], Py_NewRef(Py_False));
        return texts[i] != NULL;
    }
    return 1;
}

/* A tuple of a few OIDs: how many; -1 for something else. */
static Py_ssize_t count_types(PyObject *types)
{
    Py_ssize_t count = PyTuple_Check(types) ? PyTuple_Size(types) : -1;

    if (count < 0 || count > TEXTS) {
        PyErr_SetString(PyExc_TypeError, "a tuple of a few object identifiers is needed");
        return -1;
    }
    for (Py_ssize_t i = 0; i < count; i++)
        if (!require_text(PyTuple_GetItem(types, i)))
            return -1;
    return count;
}

static PyObject *subject_texts(PyObject *object, PyObject *types)
{
    SELF;
    zc_slice rest = zc_certificate_walk(bytes_in(self), self->of.subject, ZC_WALK_NAME);
    PyObject *texts[TEXTS] = {NULL}, *found = NULL;
    Py_ssize_t count = count_types(types);
    int sound = count >= 0;
    zc_item item;

    while (sound && zc_certificate_next(bytes_in(self), ZC_WALK_NAME, &rest, &item) == ZC_MORE)
        sound = note(self, &item, types, texts, count);
    if (sound)
        found = PyTuple_New(count);
    for (Py_ssize_t i = 0; i < count; i++) {
        if (found == NULL)
            Py_XDECREF(texts[i]);
        else
            PyTuple_SetItem(found, i, texts[i] != NULL ? texts[i] : Py_NewRef(Py_None));
    }
    return found;
}

static PyObject *extension(PyObject *object, PyObject *oid)
{
    SELF;
    zc_slice rest = self->of.extensions;
    zc_item item;

    if (!require_text(oid))
        return NULL;
    while (zc_certificate_next(bytes_in(self), ZC_WALK_EXTENSIONS, &rest, &item) == ZC_MORE)
        if (is(self, item.type, oid))
            return part(self, item.value);
    Py_RETURN_NONE;
}

/* ---- the type ------------------------------------------------------------------------------------------------------ */

#define AT(field) ((void *)offsetof(zc_certificate, field))
#define NUMBER(value) ((void *)(uintptr_t)(value))

static PyGetSetDef certificate_getters[] = {
    {"der", get_der, NULL, "The whole, DER.", NULL},
    {"tbs", get_part, NULL, "What is signed: the tbsCertificate, DER.", AT(tbs)},
    {"signature", get_part, NULL, "The issuer's signature; ECDSA as DER.", AT(signature)},
    {"signature_algorithm", get_signature_algorithm, NULL,
     "JOSE's name, where ES256, ES384 and ES512 say the digest alone, not the curve; the OID of any other.", NULL},
    {"serial", get_serial, NULL, "serialNumber.", NULL},
    {"serial_octets", get_serial_octets, NULL, "serialNumber in 20 octets.", NULL},
    {"issuer", get_issuer, NULL, "The issuer's Name, DER.", NULL},
    {"subject", get_subject, NULL, "The subject's Name, DER.", NULL},
    {"issuer_attributes", get_attributes, NULL, "The texts of the issuer's Name by the attribute's type, in their order.", AT(issuer)},
    {"subject_attributes", get_attributes, NULL, "The texts of the subject's Name by the attribute's type, in their order.", AT(subject)},
    {"begins", get_moment, NULL, "notBefore in seconds since 1970.", AT(not_before)},
    {"ends", get_moment, NULL, "notAfter in seconds since 1970.", AT(not_after)},
    {"spki", get_part, NULL, "subjectPublicKeyInfo, DER.", AT(spki)},
    {"key", get_key, NULL, "Kind (1: RSA, 2: EC on P-256, P-384 or P-521, 0: another), bits, and RSA's exponent (0: over 32 bits).", NULL},
    {"usage_bits", get_key_usage, NULL, "keyUsage, bit n as 1 << n; 0 without the extension.", NULL},
    {"extended_key_usage", get_purposes, NULL, "The purposes; None without the extension.", NULL},
    {"policies", get_policies, NULL, "The certificate policies; none without the extension.", NULL},
    {"is_ca", get_is_ca, NULL, "basicConstraints says cA.", NULL},
    {"path_length", get_path_length, NULL,
     "pathLenConstraint: how many CA certificates may follow on the way to a leaf; None: any number.", NULL},
    {"subject_key_identifier", get_value, NULL, "subjectKeyIdentifier, or None.", NUMBER(ZC_EXTENSION_SUBJECT_KEY)},
    {"authority_key_identifier", get_value, NULL, "The keyIdentifier in authorityKeyIdentifier, or None.", NUMBER(ZC_EXTENSION_AUTHORITY_KEY)},
    {"name_constraints", get_value, NULL, "The DER value of nameConstraints, or None.", NUMBER(ZC_EXTENSION_NAME_CONSTRAINTS)},
    {"crl_urls", get_crl_urls, NULL,
     "The URIs in the full names of cRLDistributionPoints, less points for some reasons only or of another issuer.", NULL},
    {"critical_crl_points", get_critical, NULL, "Whether cRLDistributionPoints is there and critical.", NUMBER(ZC_EXTENSION_CRL_POINTS)},
    {"critical_name_constraints", get_critical, NULL, "Whether nameConstraints is there and critical.",
     NUMBER(ZC_EXTENSION_NAME_CONSTRAINTS)},
    {"ocsp_urls", get_ocsp_urls, NULL, "The URIs of OCSP responders (authorityInfoAccess).", NULL},
    {"dns_names", get_names, NULL, "The dNSNames of subjectAltName.", NUMBER(DNS)},
    {"uris", get_names, NULL, "The uniformResourceIdentifiers of subjectAltName.", NUMBER(URI)},
    {"unknown_critical", get_unknown_critical, NULL,
     "The critical extensions that are not read here: who does not know them refuses the certificate.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMethodDef certificate_methods[] = {
    {"other_names", other_names, METH_O, "The DER values of the otherNames of this type in subjectAltName."},
    {"other_text", FAST(other_text), METH_FASTCALL,
     "other_text(type, tag): the text of the one otherName of this type, which is a DER string of this tag (IA5String or UTF8String); "
     "None where there is none, False where there are more or it is something else."},
    {"subject_texts", subject_texts, METH_O,
     "The texts in the subject of these types, eight at most; None where there is none, False where there are more."},
    {"extension", extension, METH_O, "The DER value of any extension; None where the certificate has none of this type."},
    {NULL, NULL, 0, NULL},
};

static char certificate_doc[] = "An X.509 v3 certificate, DER, read whole (zc_certificate_read).";

static PyType_Slot certificate_slots[] = {
    {Py_tp_new, certificate_new},
    {Py_tp_dealloc, certificate_free},
    {Py_tp_getset, certificate_getters},
    {Py_tp_methods, certificate_methods},
    {Py_tp_doc, certificate_doc},
    {0, NULL},
};

PyType_Spec certificate_spec = {
    .name = "zorgid_card._hot.Certificate",
    .basicsize = sizeof(Certificate),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = certificate_slots,
};

/* SPDX-License-Identifier: Apache-2.0
 * Certificate: a certificate that was read whole (zc_certificate_read); what is asked for of it is made when it is asked for. */
#include "certificate.h"

#include <stddef.h>

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

/* ---- what it says -------------------------------------------------------------------------------------------------- */

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
    return certificate_oid(self, self->of.algorithm);
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

/* `closure`: ZC_EXTENSION_... */
static PyObject *get_critical(PyObject *object, void *closure)
{
    return PyBool_FromLong((long)(((const Certificate *)object)->of.critical >> ABOUT(closure) & 1));
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
    {"issuer_attributes", certificate_attributes, NULL, "The texts of the issuer's Name by the attribute's type, in their order.", AT(issuer)},
    {"subject_attributes", certificate_attributes, NULL, "The texts of the subject's Name by the attribute's type, in their order.", AT(subject)},
    {"begins", get_moment, NULL, "notBefore in seconds since 1970.", AT(not_before)},
    {"ends", get_moment, NULL, "notAfter in seconds since 1970.", AT(not_after)},
    {"spki", get_part, NULL, "subjectPublicKeyInfo, DER.", AT(spki)},
    {"key", get_key, NULL, "Kind (1: RSA, 2: EC on P-256, P-384 or P-521, 0: another), bits, and RSA's exponent (0: over 32 bits).", NULL},
    {"usage_bits", get_key_usage, NULL, "keyUsage, bit n as 1 << n; 0 without the extension.", NULL},
    {"extended_key_usage", certificate_purposes, NULL, "The purposes; None without the extension.", NULL},
    {"policies", certificate_policies, NULL, "The certificate policies; none without the extension.", NULL},
    {"is_ca", get_is_ca, NULL, "basicConstraints says cA.", NULL},
    {"path_length", get_path_length, NULL,
     "pathLenConstraint: how many CA certificates may follow on the way to a leaf; None: any number.", NULL},
    {"subject_key_identifier", get_value, NULL, "subjectKeyIdentifier, or None.", NUMBER(ZC_EXTENSION_SUBJECT_KEY)},
    {"authority_key_identifier", get_value, NULL, "The keyIdentifier in authorityKeyIdentifier, or None.", NUMBER(ZC_EXTENSION_AUTHORITY_KEY)},
    {"name_constraints", get_value, NULL, "The DER value of nameConstraints, or None.", NUMBER(ZC_EXTENSION_NAME_CONSTRAINTS)},
    {"crl_urls", certificate_crl_urls, NULL,
     "The URIs in the full names of cRLDistributionPoints, less points for some reasons only or of another issuer.", NULL},
    {"critical_crl_points", get_critical, NULL, "Whether cRLDistributionPoints is there and critical.", NUMBER(ZC_EXTENSION_CRL_POINTS)},
    {"critical_name_constraints", get_critical, NULL, "Whether nameConstraints is there and critical.",
     NUMBER(ZC_EXTENSION_NAME_CONSTRAINTS)},
    {"ocsp_urls", certificate_ocsp_urls, NULL, "The URIs of OCSP responders (authorityInfoAccess).", NULL},
    {"dns_names", certificate_names, NULL, "The dNSNames of subjectAltName.", NUMBER(DNS)},
    {"uris", certificate_names, NULL, "The uniformResourceIdentifiers of subjectAltName.", NUMBER(URI)},
    {"unknown_critical", certificate_unknown_critical, NULL,
     "The critical extensions that are not read here: who does not know them refuses the certificate.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMethodDef certificate_methods[] = {
    {"other_names", certificate_other_names, METH_O, "The DER values of the otherNames of this type in subjectAltName."},
    {"uzi_texts", certificate_uzi_texts, METH_O,
     "uzi_texts(tag): the seven fields of the one otherName 2.5.5.5, a string of this tag (IA5String or UTF8String), the UTF8String of the "
     "UPN, and the subject's serialNumber, O, CN, GN, SN and title; of what stands behind the fields, None where there is none, False where "
     "there are more or it is something else. None: no otherName of that form."},
    {"extension", certificate_extension, METH_O, "The DER value of any extension; None where the certificate has none of this type."},
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

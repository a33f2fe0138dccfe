/* SPDX-License-Identifier: Apache-2.0
 * The lists of a certificate (zc_certificate_walk), as Python has them: each made when it is asked for. */
#include "certificate.h"

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

PyObject *certificate_oid(const Certificate *self, zc_slice oid)
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
        text = certificate_oid(self, item.type);
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

PyObject *certificate_policies(PyObject *object, void *closure)
{
    Certificate *self = (Certificate *)object;

    (void)closure;
    return oids(self, &self->policies, ZC_EXTENSION_POLICIES, ZC_WALK_POLICIES);
}

PyObject *certificate_purposes(PyObject *object, void *closure)
{
    Certificate *self = (Certificate *)object;

    (void)closure;
    if (!has(self, ZC_EXTENSION_PURPOSES))
        Py_RETURN_NONE;
    return oids(self, &self->purposes, ZC_EXTENSION_PURPOSES, ZC_WALK_PURPOSES);
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
PyObject *certificate_names(PyObject *object, void *closure)
{
    SELF;
    PyObject *list = PyList_New(0);

    append_names(self, &list, self->of.value[ZC_EXTENSION_NAMES], (uint8_t)ABOUT(closure));
    return tuple_of(list);
}

PyObject *certificate_crl_urls(PyObject *object, void *closure)
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

PyObject *certificate_ocsp_urls(PyObject *object, void *closure)
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

PyObject *certificate_unknown_critical(PyObject *object, void *closure)
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
            append(&list, certificate_oid(self, item.type));
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
PyObject *certificate_attributes(PyObject *object, void *closure)
{
    SELF;
    PyObject *attributes = PyDict_New();
    zc_slice name, rest;
    zc_item item;

    memcpy(&name, (const char *)&self->of + ABOUT(closure), sizeof name);
    rest = zc_certificate_walk(bytes_in(self), name, ZC_WALK_NAME);
    while (attributes != NULL && zc_certificate_next(bytes_in(self), ZC_WALK_NAME, &rest, &item) == ZC_MORE)
        if (item.tag != BITS && !add(attributes, certificate_oid(self, item.type), text(self, item.value, item.tag)))
            Py_CLEAR(attributes);
    return attributes;
}

static int require_text(PyObject *object)
{
    if (!PyUnicode_Check(object))
        PyErr_SetString(PyExc_TypeError, "an object identifier is text");
    return PyUnicode_Check(object);
}

PyObject *certificate_other_names(PyObject *object, PyObject *type)
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

PyObject *certificate_extension(PyObject *object, PyObject *oid)
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

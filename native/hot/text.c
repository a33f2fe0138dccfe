/* SPDX-License-Identifier: Apache-2.0
 * Texts of a log-in: a plain object of JSON (zc_json_texts), base64 (zc_base64_read), the UZI otherName (zc_uzi_name). */
#include "hot.h"

enum { MEMBERS = 32 };

static PyObject *base64(PyObject *module, PyObject *text)
{
    Py_ssize_t length;
    const char *at = PyUnicode_AsUTF8AndSize(text, &length);
    PyObject *out = at == NULL ? NULL : bytes_of(NULL, (size_t)length / 4 * 3);
    size_t made = 0;

    (void)module;
    if (out == NULL)
        return NULL;
    if (zc_base64_read((const uint8_t *)at, (size_t)length, (uint8_t *)PyBytes_AsString(out), &made) != ZC_OK) {
        Py_DECREF(out);
        Py_RETURN_NONE;
    }
    if (made < (size_t)PyBytes_Size(out)) {
        PyObject *exact = bytes_of(PyBytes_AsString(out), made);

        Py_DECREF(out);
        out = exact;
    }
    return out;
}

/* Add a member to `texts`; both are ASCII. */
static int put(PyObject *texts, const char *json, zc_member member)
{
    PyObject *name = PyUnicode_FromStringAndSize(json + member.name.at, (Py_ssize_t)member.name.length);
    PyObject *text = name == NULL ? NULL : PyUnicode_FromStringAndSize(json + member.text.at, (Py_ssize_t)member.text.length);
    int done = text != NULL && PyDict_SetItem(texts, name, text) == 0;

    Py_XDECREF(text);
    Py_XDECREF(name);
    return done;
}

/* None where a name stands twice. */
static PyObject *dict_of(const char *json, const zc_member *members, size_t count)
{
    PyObject *texts = PyDict_New();

    for (size_t i = 0; texts != NULL && i < count; i++)
        if (!put(texts, json, members[i]))
            Py_CLEAR(texts);
    if (texts != NULL && PyDict_Size(texts) != (Py_ssize_t)count) {
        Py_DECREF(texts);
        Py_RETURN_NONE;
    }
    return texts;
}

/* UTF-8; NULL, without an error, for a text with half a surrogate. */
static const char *utf8(PyObject *text, Py_ssize_t *length)
{
    const char *at = PyUnicode_AsUTF8AndSize(text, length);

    if (at == NULL && PyErr_ExceptionMatches(PyExc_UnicodeEncodeError))
        PyErr_Clear();
    return at;
}

static PyObject *nothing(void)
{
    return PyErr_Occurred() ? NULL : Py_NewRef(Py_None);
}

static PyObject *plain_texts(PyObject *module, PyObject *text)
{
    Py_ssize_t length;
    const char *json = utf8(text, &length);
    zc_member members[MEMBERS];
    size_t count;

    (void)module;
    if (json == NULL || zc_json_texts((const uint8_t *)json, (size_t)length, members, MEMBERS, &count) != ZC_OK)
        return nothing();
    return dict_of(json, members, count);
}

static PyObject *uzi_fields(PyObject *module, PyObject *text)
{
    Py_ssize_t length;
    const char *at = utf8(text, &length);
    zc_slice fields[ZC_UZI_FIELDS];
    PyObject *tuple;

    (void)module;
    if (at == NULL || zc_uzi_name((const uint8_t *)at, (size_t)length, fields) != ZC_OK)
        return nothing();
    tuple = PyTuple_New(ZC_UZI_FIELDS);
    for (Py_ssize_t i = 0; tuple != NULL && i < ZC_UZI_FIELDS; i++) {
        PyObject *field = PyUnicode_FromStringAndSize(at + fields[i].at, (Py_ssize_t)fields[i].length);

        if (field == NULL)
            Py_CLEAR(tuple);
        else
            PyTuple_SetItem(tuple, i, field);
    }
    return tuple;
}

PyMethodDef text_functions[] = {
    {"base64", base64, METH_O, "The octets of a text in canonical base64 (RFC 4648, 4); None if it is not."},
    {"plain_texts", plain_texts, METH_O,
     "The texts by their names of a JSON object of texts alone, ASCII without escapes, each name once; None for anything else."},
    {"uzi_fields", uzi_fields, METH_O, "The seven fields of a UZI otherName's text; None for a text that is not of its form."},
    {NULL, NULL, 0, NULL},
};

/* SPDX-License-Identifier: Apache-2.0
 * Texts of a log-in: base64 (zc_base64_read), and a Web eID token whole (zc_web_eid_read). */
#include "hot.h"

/* How many octets base64 of this length stands for, if it is any. */
static size_t room_for(const char *at, size_t length)
{
    size_t room = length / 4 * 3;

    if (length < 4)
        return room;
    return room - (at[length - 1] == '=') - (at[length - 2] == '=');
}

/* The octets of base64; None for what is not base64. */
static PyObject *decoded(const char *at, size_t length)
{
    PyObject *out = bytes_of(NULL, room_for(at, length));
    size_t made = 0;

    if (out == NULL)
        return NULL;
    if (zc_base64_read((const uint8_t *)at, length, (uint8_t *)PyBytes_AsString(out), &made) == ZC_OK)
        return out;
    Py_DECREF(out);
    Py_RETURN_NONE;
}

static PyObject *base64(PyObject *module, PyObject *text)
{
    Py_ssize_t length;
    const char *at = PyUnicode_AsUTF8AndSize(text, &length);

    (void)module;
    return at == NULL ? NULL : decoded(at, (size_t)length);
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

static PyObject *web_eid(PyObject *module, PyObject *text)
{
    Py_ssize_t length;
    const char *json = utf8(text, &length);
    PyObject *certificate, *signature = NULL, *algorithm = NULL, *found = NULL;
    zc_web_eid token;

    (void)module;
    if (json == NULL || zc_web_eid_read((const uint8_t *)json, (size_t)length, &token) != ZC_OK)
        return nothing();
    certificate = decoded(json + token.certificate.at, token.certificate.length);
    if (certificate != NULL && certificate != Py_None)
        signature = decoded(json + token.signature.at, token.signature.length);
    if (signature != NULL && signature != Py_None)
        algorithm = PyUnicode_FromStringAndSize(json + token.algorithm.at, (Py_ssize_t)token.algorithm.length);
    if (algorithm != NULL)
        found = PyTuple_Pack(3, algorithm, certificate, signature);
    Py_XDECREF(algorithm);
    Py_XDECREF(signature);
    Py_XDECREF(certificate);
    return found != NULL ? found : nothing();
}

PyMethodDef text_functions[] = {
    {"base64", base64, METH_O, "The octets of a text in canonical base64 (RFC 4648, 4); None if it is not."},
    {"web_eid", web_eid, METH_O,
     "Algorithm, certificate and signature of a Web eID token whose JSON is an object of ASCII texts without escapes, each name once; None "
     "for any other, and for what is no token."},
    {NULL, NULL, 0, NULL},
};

/* SPDX-License-Identifier: Apache-2.0
 * Revoked: a serial number looked up in a revocation index (zc_revoked_find). */
#include "hot.h"

enum { SERIAL = sizeof(((zc_revoked *)NULL)->serial) };

typedef struct {
    PyObject_HEAD
    Py_buffer view;
} Revoked;

static PyObject *revoked_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords)
{
    PyObject *data;
    Revoked *self;

    (void)keywords;
    if (!PyArg_UnpackTuple(arguments, "Revoked", 1, 1, &data))
        return NULL;
    self = (Revoked *)PyType_GenericAlloc(type, 0);
    if (self != NULL && PyObject_GetBuffer(data, &self->view, PyBUF_SIMPLE) != 0)
        Py_CLEAR(self);
    return (PyObject *)self;
}

static void revoked_free(PyObject *object)
{
    Revoked *self = (Revoked *)object;

    if (self->view.obj != NULL)
        PyBuffer_Release(&self->view);
    release_object(object, PyObject_Free);
}

/* Big-endian bytes of a number, at most SERIAL of them. 0: it is negative or has more. -1: an exception. */
static int serial_of(PyObject *number_, uint8_t *serial)
{
    int overflow, words = 0;
    PyObject *rest = number_, *shift = PyLong_FromLong(64);
    long long small = PyLong_AsLongLongAndOverflow(number_, &overflow);
    unsigned long long top;

    Py_INCREF(rest);
    while (overflow > 0 && words < 2 && rest != NULL && shift != NULL) {
        unsigned long long word = PyLong_AsUnsignedLongLongMask(rest);
        PyObject *shifted = PyNumber_Rshift(rest, shift);

        for (int i = 0; i < 8; i++)
            serial[SERIAL - 1 - 8 * words - i] = (uint8_t)(word >> (8 * i));
        words++;
        Py_DECREF(rest);
        rest = shifted;
        small = rest == NULL ? -1 : PyLong_AsLongLongAndOverflow(rest, &overflow);
    }
    top = (unsigned long long)small;
    Py_XDECREF(rest);
    Py_XDECREF(shift);
    if (PyErr_Occurred())
        return -1;
    if (overflow != 0 || small < 0 || (words == 2 && top > UINT32_MAX))
        return 0;
    for (int i = 0; i < (words == 2 ? 4 : 8); i++)
        serial[SERIAL - 1 - 8 * words - i] = (uint8_t)(top >> (8 * i));
    return 1;
}

static PyObject *revoked_find(PyObject *object, PyObject *serial)
{
    const Revoked *self = (const Revoked *)object;
    uint8_t wanted[SERIAL] = {0};
    int known = serial_of(serial, wanted);
    zc_revoked entry;
    zc_status status = ZC_E_MISSING;

    if (known < 0)
        return NULL;
    if (known > 0)
        status = zc_revoked_find(self->view.buf, (size_t)self->view.len, wanted, sizeof wanted, &entry);
    if (status == ZC_OK)
        return Py_BuildValue("(iL)", (int)entry.reason, (long long)entry.since);
    if (status == ZC_E_MISSING)
        Py_RETURN_NONE;
    PyErr_SetString(PyExc_ValueError, zc_reason((int)status));
    return NULL;
}

static PyMethodDef revoked_methods[] = {
    {"find", revoked_find, METH_O,
     "Reason (a number) and seconds since 1970 of a serial number, or None."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot revoked_slots[] = {
    {Py_tp_new, revoked_new},
    {Py_tp_dealloc, revoked_free},
    {Py_tp_methods, revoked_methods},
    {Py_tp_doc, "Look-up in a revocation index that was checked (zc_revoked_check)."},
    {0, NULL},
};

PyType_Spec revoked_spec = {
    .name = "zorgid_card._hot.Revoked",
    .basicsize = sizeof(Revoked),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = revoked_slots,
};

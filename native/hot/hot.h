/* SPDX-License-Identifier: Apache-2.0
 * zorgid_card._hot: a binding by hand, for the few calls where cffi's border would cost more than the work behind it (the
 * figures are in docs/benchmarks.md). Limited API of Python 3.11, as the wheel is. Nothing but conversions stands here.
 *
 * Errors: a status of the core that means bad input is handed to the Python module that owns its error class; PC/SC's codes and
 * the statuses of an exchange are returned. */
#ifndef ZC_HOT_H
#define ZC_HOT_H

#define Py_LIMITED_API 0x030B0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "zc.h"

#include <string.h>

extern PyType_Spec carrier_spec, index_spec, messaging_spec, revoked_spec;

/* A METH_FASTCALL function in a table of methods. */
#define FAST(name) ((PyCFunction)(void (*)(void))(name))

/* Bytes of an object: of a `bytes` without asking the buffer protocol, which takes longer. */
typedef struct {
    const uint8_t *at;
    size_t length;
    Py_buffer view; /* view.obj is NULL when there is none to release */
} octets;

static inline int octets_of(PyObject *object, octets *o)
{
    o->view.obj = NULL;
    if (PyBytes_Check(object)) {
        o->at = (const uint8_t *)PyBytes_AsString(object);
        o->length = (size_t)PyBytes_Size(object);
        return 1;
    }
    if (PyObject_GetBuffer(object, &o->view, PyBUF_SIMPLE) != 0)
        return 0;
    o->at = o->view.buf;
    o->length = (size_t)o->view.len;
    return 1;
}

static inline void octets_release(octets *o)
{
    if (o->view.obj != NULL)
        PyBuffer_Release(&o->view);
}

static inline PyObject *bytes_of(const void *at, size_t length)
{
    return PyBytes_FromStringAndSize(at, (Py_ssize_t)length);
}

/* Free an object of a type made by PyType_FromSpec, which it holds a reference to. */
static inline void release_object(PyObject *self, void (*give_back)(void *))
{
    PyTypeObject *type = Py_TYPE(self);

    give_back(self);
    Py_DECREF(type);
}

/* A number from 0 to `most`; a ValueError for another, in the words of the core. */
static inline int number(PyObject *object, uint32_t most, uint32_t *value)
{
    unsigned long long got = PyLong_AsUnsignedLongLong(object);

    if (got == (unsigned long long)-1 && PyErr_Occurred()) {
        if (!PyErr_ExceptionMatches(PyExc_OverflowError))
            return 0;
        PyErr_Clear();
    }
    if (got > most) {
        PyErr_SetString(PyExc_ValueError, zc_reason(ZC_E_RANGE));
        return 0;
    }
    *value = (uint32_t)got;
    return 1;
}

/* ---- a command as arguments ---------------------------------------------------------------------------------------- */

enum { CLA, INS, P1, P2, DATA, NE, FORM, FILLS, ARGUMENTS };

static inline int header_byte(PyObject *object, uint8_t *value)
{
    uint32_t got;

    if (!number(object, 0xFF, &got))
        return 0;
    *value = (uint8_t)got;
    return 1;
}

static inline int command_of(PyObject *const *arguments, zc_command *command)
{
    return header_byte(arguments[CLA], &command->cla) && header_byte(arguments[INS], &command->ins) &&
           header_byte(arguments[P1], &command->p1) && header_byte(arguments[P2], &command->p2) &&
           header_byte(arguments[FORM], &command->extended) && number(arguments[NE], UINT32_MAX, &command->ne);
}

#endif

/* SPDX-License-Identifier: Apache-2.0
 * zorgid_card._hot: a binding by hand, for the few calls where cffi's border would cost more than the work behind it (the
 * figures are in docs/benchmarks.md). Limited API of Python 3.11, as the wheel is. Nothing but conversions stands here.
 *
 * A status of the core that means bad input becomes an exception; how a command ended, with PC/SC's code, is returned. */
#ifndef ZC_HOT_H
#define ZC_HOT_H

#if defined(__GNUC__)
#pragma GCC diagnostic ignored "-Wpedantic" /* Python's tables hold functions as void * */
#endif

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "zc.h"

#include <string.h>

extern PyType_Spec carrier_spec, certificate_spec, index_spec;
extern PyMethodDef command_functions[], text_functions[];

/* Call `function` of `module`, which raises; `arguments` are given away. */
void raise_in(const char *module, const char *function, PyObject *arguments);

/* A METH_FASTCALL function in a table of methods. */
#define FAST(name) ((PyCFunction)(void (*)(void))(name))

static inline PyObject *bytes_of(const void *at, size_t length)
{
    return PyBytes_FromStringAndSize(at, (Py_ssize_t)length);
}

/* Free an object of a type made by PyType_FromSpec, which it holds a reference to. */
static inline void release_object(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);

    PyObject_Free(self);
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

#endif

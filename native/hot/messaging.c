/* SPDX-License-Identifier: Apache-2.0
 * Messaging: secure messaging around a command and its response (zc_scp03, zc_piv). */
#include "hot.h"

enum { FEW_DATA = 512 };

/* Wraps and unwraps with a channel that lives in a locked page; `view` keeps the page. */
typedef struct {
    PyObject_HEAD
    Py_buffer view;
    int piv; /* a zc_piv, else a zc_scp03 */
} Messaging;

/* Messaging(page, piv): a writable buffer on the structure. */
static PyObject *messaging_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords)
{
    PyObject *page, *piv;
    Messaging *self;

    (void)keywords;
    if (!PyArg_UnpackTuple(arguments, "Messaging", 2, 2, &page, &piv))
        return NULL;
    self = (Messaging *)PyType_GenericAlloc(type, 0);
    if (self == NULL)
        return NULL;
    self->piv = PyObject_IsTrue(piv);
    if (self->piv < 0 || PyObject_GetBuffer(page, &self->view, PyBUF_WRITABLE) != 0) {
        Py_CLEAR(self);
    } else if ((size_t)self->view.len != (self->piv ? sizeof(zc_piv) : sizeof(zc_scp03))) {
        PyErr_SetString(PyExc_ValueError, "not a channel");
        Py_CLEAR(self);
    }
    return (PyObject *)self;
}

static void messaging_free(PyObject *object)
{
    Messaging *self = (Messaging *)object;

    if (self->view.obj != NULL)
        PyBuffer_Release(&self->view);
    release_object(object, PyObject_Free);
}

/* A copy of `length` bytes with `more` room behind, in `few` where it fits. */
static uint8_t *copy_of(const uint8_t *at, size_t length, size_t more, uint8_t *few)
{
    uint8_t *copy = length + more > FEW_DATA ? PyMem_Malloc(length + more) : few;

    if (copy == NULL)
        PyErr_NoMemory();
    else if (length > 0)
        memcpy(copy, at, length);
    return copy;
}

/* By hand, as in outcome_of. */
static PyObject *wrapped_tuple(const zc_command *command, const uint8_t *data)
{
    const uint32_t form_most = command->extended == ZC_SHORT ? 256 : 65536;
    PyObject *items[] = {NULL, NULL, NULL, NULL}, *outcome = NULL;

    items[0] = PyLong_FromLong(command->cla);
    items[1] = bytes_of(data, command->nc);
    items[2] = command->ne == 0 ? Py_NewRef(Py_None) : PyLong_FromUnsignedLong(command->ne % form_most);
    items[3] = PyBool_FromLong(command->extended == ZC_EXTENDED);
    if (items[0] != NULL && items[1] != NULL && items[2] != NULL && items[3] != NULL)
        outcome = PyTuple_Pack(4, items[0], items[1], items[2], items[3]);
    for (int i = 0; i < 4; i++)
        Py_XDECREF(items[i]);
    return outcome;
}

static PyObject *response_tuple(const uint8_t *data, size_t length, uint16_t sw)
{
    PyObject *items[] = {bytes_of(data, length), PyLong_FromLong(sw)}, *outcome = NULL;

    if (items[0] != NULL && items[1] != NULL)
        outcome = PyTuple_Pack(2, items[0], items[1]);
    Py_XDECREF(items[0]);
    Py_XDECREF(items[1]);
    return outcome;
}

static PyObject *wrapped(Messaging *self, zc_command *command, const octets *data)
{
    uint8_t few[FEW_DATA], *copy = copy_of(data->at, data->length, ZC_SM_OVERHEAD, few);
    size_t capacity = data->length + ZC_SM_OVERHEAD;
    PyObject *outcome = NULL;
    zc_status status;

    if (copy == NULL)
        return NULL;
    command->nc = data->length > UINT32_MAX ? UINT32_MAX : (uint32_t)data->length;
    status = self->piv ? zc_piv_wrap(self->view.buf, command, copy, capacity)
                       : zc_scp03_wrap(self->view.buf, command, copy, capacity);
    outcome = status != ZC_OK ? PyLong_FromLong((long)status) : wrapped_tuple(command, copy);
    if (copy != few)
        PyMem_Free(copy);
    return outcome;
}

static PyObject *messaging_wrap(PyObject *object, PyObject *const *arguments, Py_ssize_t count)
{
    zc_command command;
    PyObject *outcome;
    octets data;

    memset(&command, 0, sizeof command);
    if (count != FORM + 1) {
        PyErr_SetString(PyExc_TypeError, "wrap(cla, ins, p1, p2, data, ne, form)");
        return NULL;
    }
    if (!command_of(arguments, &command) || !octets_of(arguments[DATA], &data))
        return NULL;
    outcome = wrapped((Messaging *)object, &command, &data);
    octets_release(&data);
    return outcome;
}

static PyObject *messaging_unwrap(PyObject *object, PyObject *const *arguments, Py_ssize_t count)
{
    Messaging *self = (Messaging *)object;
    uint8_t few[FEW_DATA], *copy;
    PyObject *outcome = NULL;
    uint32_t given;
    uint16_t sw;
    octets data;
    size_t length;
    zc_status status;

    if (count != 2) {
        PyErr_SetString(PyExc_TypeError, "unwrap(data, sw)");
        return NULL;
    }
    if (!number(arguments[1], 0xFFFF, &given) || !octets_of(arguments[0], &data))
        return NULL;
    sw = (uint16_t)given;
    length = data.length;
    copy = copy_of(data.at, length, 0, few);
    octets_release(&data);
    if (copy == NULL)
        return NULL;
    status = self->piv ? zc_piv_unwrap(self->view.buf, copy, &length, &sw)
                       : zc_scp03_unwrap(self->view.buf, copy, &length, sw);
    outcome = status != ZC_OK ? PyLong_FromLong((long)status) : response_tuple(copy, length, sw);
    if (copy != few)
        PyMem_Free(copy);
    return outcome;
}

static PyMethodDef messaging_methods[] = {
    {"wrap", FAST(messaging_wrap), METH_FASTCALL,
     "wrap(cla, ins, p1, p2, data, ne, form): CLA, data, Le and whether the form is extended, or a status."},
    {"unwrap", FAST(messaging_unwrap), METH_FASTCALL, "unwrap(data, sw): plain data and status word, or a status."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot messaging_slots[] = {
    {Py_tp_new, messaging_new},
    {Py_tp_dealloc, messaging_free},
    {Py_tp_methods, messaging_methods},
    {Py_tp_doc, "Wraps commands and unwraps responses with the channel in a locked page."},
    {0, NULL},
};

PyType_Spec messaging_spec = {
    .name = "zorgid_card._hot.Messaging",
    .basicsize = sizeof(Messaging),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = messaging_slots,
};

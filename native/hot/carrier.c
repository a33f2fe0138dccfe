/* SPDX-License-Identifier: Apache-2.0
 * Carrier: logical and physical commands over PC/SC or a Python function (zc_carry). */
#include "hot.h"

/* Carries commands over PC/SC (`callable` is NULL), or over a Python function that takes and gives bytes. */
typedef struct {
    PyObject_HEAD
    PyObject *callable;
    zc_pcsc pcsc;
    uint64_t card;
    uint32_t protocol;
    uint32_t cancel;
    uint32_t refused;
    uint64_t count;
    uint8_t *room;
} Carrier;

/* Carrier(callable) or Carrier(pcsc, card, protocol), where `pcsc` is a buffer on a zc_pcsc, which is copied. */
static PyObject *carrier_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords)
{
    PyObject *first, *card = NULL, *protocol = NULL;
    Carrier *self;
    octets pcsc;
    int sound;

    (void)keywords;
    if (!PyArg_UnpackTuple(arguments, "Carrier", 1, 3, &first, &card, &protocol))
        return NULL;
    self = (Carrier *)PyType_GenericAlloc(type, 0);
    if (self == NULL)
        return NULL;
    if (protocol == NULL) {
        Py_INCREF(first);
        self->callable = first;
        return (PyObject *)self;
    }
    if (!octets_of(first, &pcsc)) {
        Py_DECREF(self);
        return NULL;
    }
    sound = pcsc.length == sizeof self->pcsc;
    if (sound)
        memcpy(&self->pcsc, pcsc.at, sizeof self->pcsc);
    else
        PyErr_SetString(PyExc_ValueError, "not a zc_pcsc");
    octets_release(&pcsc);
    self->card = PyLong_AsUnsignedLongLongMask(card);
    if (!sound || PyErr_Occurred() || !number(protocol, UINT32_MAX, &self->protocol))
        Py_CLEAR(self);
    return (PyObject *)self;
}

static int carrier_visit(PyObject *object, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(((Carrier *)object)->callable);
    return 0;
}

static int carrier_clear(PyObject *object)
{
    Py_CLEAR(((Carrier *)object)->callable);
    return 0;
}

static void carrier_free(PyObject *object)
{
    PyObject_GC_UnTrack(object);
    carrier_clear(object);
    PyMem_Free(((Carrier *)object)->room);
    release_object(object, PyObject_GC_Del);
}

static int is_short(const octets *command)
{
    return command->length <= 5 || command->at[4] != 0;
}

/* Over PC/SC with the GIL released; the response, or PC/SC's code (0: no status word). */
static PyObject *transmit_pcsc(Carrier *self, const octets *command, uint8_t *room, size_t size, size_t *length)
{
    uint32_t code;

    Py_BEGIN_ALLOW_THREADS
    code = zc_pcsc_transmit(&self->pcsc, self->card, self->protocol, command->at, command->length, room, size, length);
    Py_END_ALLOW_THREADS
    self->count++;
    return code != 0 || *length < 2 ? PyLong_FromUnsignedLong(code) : NULL;
}

/* A room for ZC_RESPONSE_MAX bytes: the one kept from last time, unless another thread is in it. */
static uint8_t *take_room(Carrier *self)
{
    uint8_t *room = self->room;

    self->room = NULL;
    if (room == NULL)
        room = PyMem_Malloc(ZC_RESPONSE_MAX);
    if (room == NULL)
        PyErr_NoMemory();
    return room;
}

/* What was received stays in it, as it does in the bytes object that was made of it. */
static void leave_room(Carrier *self, uint8_t *room)
{
    if (self->room == NULL)
        self->room = room;
    else
        PyMem_Free(room);
}

/* A response in a room that it may fill; one that does is not copied again. */
static PyObject *transmit_extended(Carrier *self, const octets *command)
{
    PyObject *whole = PyBytes_FromStringAndSize(NULL, ZC_RESPONSE_MAX), *response;
    size_t length = 0;

    if (whole == NULL)
        return NULL;
    response = transmit_pcsc(self, command, (uint8_t *)PyBytes_AsString(whole), ZC_RESPONSE_MAX, &length);
    if (response == NULL && length == ZC_RESPONSE_MAX)
        return whole;
    if (response == NULL)
        response = bytes_of(PyBytes_AsString(whole), length);
    Py_DECREF(whole);
    return response;
}

static PyObject *transmit_octets(Carrier *self, const octets *command)
{
    uint8_t few[ZC_WORK_SHORT];
    size_t length = 0;
    PyObject *failure;

    if (!is_short(command) && self->protocol != 1)
        return transmit_extended(self, command);
    if (!is_short(command)) {
        PyErr_SetString(PyExc_ValueError, "T=0 carries no extended length");
        return NULL;
    }
    failure = transmit_pcsc(self, command, few, sizeof few, &length);
    return failure != NULL ? failure : bytes_of(few, length);
}

static PyObject *carrier_transmit(PyObject *object, PyObject *command)
{
    Carrier *self = (Carrier *)object;
    PyObject *response;
    octets raw;

    if (self->callable != NULL) {
        self->count++;
        return PyObject_CallFunctionObjArgs(self->callable, command, NULL);
    }
    if (!octets_of(command, &raw))
        return NULL;
    response = transmit_octets(self, &raw);
    octets_release(&raw);
    return response;
}

/* A zc_transmit that calls a Python function; the GIL is held. After an exception the code is 1. */
static uint32_t call_python(void *carrier, const uint8_t *command, size_t command_length, uint8_t *response,
                            size_t capacity, size_t *response_length)
{
    const Carrier *self = carrier;
    PyObject *raw = bytes_of(command, command_length);
    PyObject *answer = raw == NULL ? NULL : PyObject_CallFunctionObjArgs(self->callable, raw, NULL);
    octets got;

    Py_XDECREF(raw);
    if (answer == NULL)
        return 1;
    if (!octets_of(answer, &got)) {
        Py_DECREF(answer);
        return 1;
    }
    /* One byte more than any answer fits, so that what is cut off here is too long in any case. */
    *response_length = got.length < capacity ? got.length : capacity;
    memcpy(response, got.at, *response_length);
    octets_release(&got);
    Py_DECREF(answer);
    return 0;
}

static zc_status run_job(Carrier *self, zc_job *job)
{
    zc_status status;

    if (self->callable != NULL)
        return zc_carry(job, call_python, self);
    Py_BEGIN_ALLOW_THREADS
    status = zc_pcsc_carry(&self->pcsc, self->card, self->protocol, job);
    Py_END_ALLOW_THREADS
    return status;
}

/* The answer's data and status word; or, when the exchange did not end well, its status, the transport's code, and `sw`. */
static PyObject *outcome_of(const Carrier *self, const zc_job *job, zc_status status)
{
    PyObject *data, *sw, *outcome = NULL;

    if (self->callable != NULL && status == ZC_E_TRANSPORT)
        return NULL; /* the function raised */
    if (status != ZC_OK)
        return Py_BuildValue("(iki)", (int)status, (unsigned long)job->code, (int)job->sw);
    data = bytes_of(job->answer, job->received);
    sw = PyLong_FromLong(job->sw);
    if (data != NULL && sw != NULL)
        outcome = PyTuple_Pack(2, data, sw);
    Py_XDECREF(data);
    Py_XDECREF(sw);
    return outcome;
}

/* Run the job with room for it. */
static PyObject *carry(Carrier *self, zc_job *job)
{
    uint8_t few[ZC_WORK_SHORT];
    PyObject *outcome;
    zc_status status;

    job->work_size = zc_work_size(&job->command);
    job->work = job->work_size > sizeof few ? PyMem_Malloc(job->work_size) : few;
    if (job->work == NULL)
        return PyErr_NoMemory();
    job->answer = take_room(self);
    job->limit = ZC_RESPONSE_MAX - 2;
    job->cancel = &self->cancel;
    if (job->answer != NULL) {
        status = run_job(self, job);
        self->count += job->sent;
        if (status == ZC_E_CANCELLED)
            self->cancel = 0;
        self->refused = job->fell_back;
        outcome = outcome_of(self, job, status);
        leave_room(self, job->answer);
    } else {
        outcome = NULL;
    }
    if (job->work != few)
        PyMem_Free(job->work);
    return outcome;
}

static PyObject *carrier_exchange(PyObject *object, PyObject *const *arguments, Py_ssize_t count)
{
    zc_job job;
    octets data, fills = {NULL, 0, {NULL}};
    PyObject *outcome = NULL;

    memset(&job, 0, sizeof job);
    if (count != ARGUMENTS) {
        PyErr_SetString(PyExc_TypeError, "exchange(cla, ins, p1, p2, data, ne, form, fills)");
        return NULL;
    }
    if (!command_of(arguments, &job.command) || !octets_of(arguments[DATA], &data))
        return NULL;
    if (arguments[FILLS] == Py_None || octets_of(arguments[FILLS], &fills)) {
        job.data = data.at;
        job.command.nc = data.length > UINT32_MAX ? UINT32_MAX : (uint32_t)data.length;
        job.fills = (const zc_fill *)(const void *)fills.at;
        job.fill_count = (uint32_t)(fills.length / sizeof *job.fills);
        /* a PIN goes from its locked page to the reader, never into an object of Python's */
        if (((Carrier *)object)->callable != NULL && job.fill_count > 0)
            PyErr_SetString(PyExc_ValueError, "secrets go to no Python function");
        else
            outcome = carry((Carrier *)object, &job);
        octets_release(&fills);
    }
    octets_release(&data);
    return outcome;
}

static PyObject *carrier_cancelled(PyObject *object, void *nothing)
{
    (void)nothing;
    return PyBool_FromLong((long)*(volatile uint32_t *)&((Carrier *)object)->cancel);
}

static int carrier_cancel(PyObject *object, PyObject *value, void *nothing)
{
    int truth = value == NULL ? 0 : PyObject_IsTrue(value);

    (void)nothing;
    if (truth < 0)
        return -1;
    *(volatile uint32_t *)&((Carrier *)object)->cancel = (uint32_t)truth;
    return 0;
}

static PyObject *carrier_count(PyObject *object, void *nothing)
{
    (void)nothing;
    return PyLong_FromUnsignedLongLong(((Carrier *)object)->count);
}

static PyObject *carrier_refused(PyObject *object, void *nothing)
{
    (void)nothing;
    return PyBool_FromLong((long)((Carrier *)object)->refused);
}

static PyMethodDef carrier_methods[] = {
    {"transmit", carrier_transmit, METH_O, "One physical command: the response, or PC/SC's code (0: no status word)."},
    {"exchange", FAST(carrier_exchange), METH_FASTCALL,
     "exchange(cla, ins, p1, p2, data, ne, form, fills): one logical command (zc_carry).\n\n"
     "Returns:\n    The answer's data and status word; or, of an exchange that failed, its status, PC/SC's code and the status word."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef carrier_properties[] = {
    {"count", carrier_count, NULL, "Physical commands given to the transport so far.", NULL},
    {"refused", carrier_refused, NULL, "Whether extended form was refused in the last exchange.", NULL},
    {"cancelled", carrier_cancelled, carrier_cancel,
     "Set, it stops the exchange under way, or else the next, between two commands of it; that unsets it.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot carrier_slots[] = {
    {Py_tp_new, carrier_new},
    {Py_tp_dealloc, carrier_free},
    {Py_tp_traverse, carrier_visit},
    {Py_tp_clear, carrier_clear},
    {Py_tp_methods, carrier_methods},
    {Py_tp_getset, carrier_properties},
    {Py_tp_doc, "Carries commands over PC/SC or over a Python function."},
    {0, NULL},
};

PyType_Spec carrier_spec = {
    .name = "zorgid_card._hot.Carrier",
    .basicsize = sizeof(Carrier),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = carrier_slots,
};

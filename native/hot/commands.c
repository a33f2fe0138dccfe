/* SPDX-License-Identifier: Apache-2.0
 * Commands: carried over PC/SC or a Python function (zc_carry), wrapped and unwrapped (zc_secure); and a serial number looked up
 * (zc_revoked_find). A command is the tuple that zorgid_card.codec.apdu.CommandAPDU is. */
#include "hot.h"

#include <structmember.h>

enum { SHORT_NE = 256, EXTENDED_NE = 65536, FEW = 1024 };

#define NO_CARD 0x80100003UL /* SCARD_E_INVALID_HANDLE */

/* Room for `size` bytes: `few`, or memory of Python's; to be given back with `leave`. */
static uint8_t *take(size_t size, uint8_t *few)
{
    uint8_t *room = size > FEW ? PyMem_Malloc(size) : few;

    if (room == NULL)
        PyErr_NoMemory();
    return room;
}

static void leave(uint8_t *room, const uint8_t *few)
{
    if (room != few)
        PyMem_Free(room);
}

static int complain(const char *why)
{
    PyErr_SetString(PyExc_ValueError, why);
    return 0;
}

enum { DATA = 4, LE, SECRETS, EXTENDED, FIELDS };

static int ne_of(PyObject *le, uint8_t form, uint32_t *ne)
{
    *ne = 0;
    if (le == Py_None)
        return 1;
    if (!number(le, UINT32_MAX, ne))
        return 0;
    if (*ne == 0) /* as much as the form allows */
        *ne = form == ZC_SHORT ? SHORT_NE : EXTENDED_NE;
    return 1;
}

/* Read a command and take hold of its data. `otherwise`: the form of one that does not ask for the extended form. */
static int command_of(PyObject *tuple, uint32_t otherwise, zc_command *command, Py_buffer *data)
{
    uint32_t header[DATA];

    if (!PyTuple_Check(tuple) || PyTuple_Size(tuple) != FIELDS) {
        PyErr_SetString(PyExc_TypeError, "a CommandAPDU is needed");
        return 0;
    }
    for (Py_ssize_t i = 0; i < DATA; i++)
        if (!number(PyTuple_GetItem(tuple, i), 0xFF, &header[i]))
            return 0;
    command->cla = (uint8_t)header[0];
    command->ins = (uint8_t)header[1];
    command->p1 = (uint8_t)header[2];
    command->p2 = (uint8_t)header[3];
    command->extended = PyTuple_GetItem(tuple, EXTENDED) == Py_True ? ZC_EXTENDED : (uint8_t)otherwise;
    if (!ne_of(PyTuple_GetItem(tuple, LE), command->extended, &command->ne))
        return 0;
    if (PyObject_GetBuffer(PyTuple_GetItem(tuple, DATA), data, PyBUF_SIMPLE) != 0)
        return 0;
    command->nc = data->len > UINT32_MAX ? UINT32_MAX : (uint32_t)data->len;
    return 1;
}

/* A `type`, which is a named tuple's, with these items, which are given away; NULL if one of them is. */
static PyObject *named_tuple(PyObject *type, PyObject *const *items, Py_ssize_t count)
{
    PyObject *fields = PyTuple_New(count), *arguments, *made = NULL;
    int whole = fields != NULL;

    for (Py_ssize_t i = 0; i < count; i++) {
        whole = whole && items[i] != NULL;
        if (fields == NULL)
            Py_XDECREF(items[i]);
        else if (items[i] != NULL)
            PyTuple_SetItem(fields, i, items[i]);
    }
    arguments = whole ? PyTuple_Pack(1, fields) : NULL;
    if (arguments != NULL)
        made = ((newfunc)PyType_GetSlot(&PyTuple_Type, Py_tp_new))((PyTypeObject *)type, arguments, NULL);
    Py_XDECREF(arguments);
    Py_XDECREF(fields);
    return made;
}

static PyObject *response_of(PyObject *type, const uint8_t *data, size_t length, uint16_t sw)
{
    PyObject *items[] = {bytes_of(data, length), PyLong_FromLong(sw)};

    return named_tuple(type, items, 2);
}

/* The channel that a buffer holds, which is taken hold of. Nobody else works with it: who does has set `busy`, under the GIL. */
static zc_secure *secure_of(PyObject *object, Py_buffer *page)
{
    if (PyObject_GetBuffer(object, page, PyBUF_WRITABLE) != 0)
        return NULL;
    if (page->len != (Py_ssize_t)sizeof(zc_secure))
        complain("not a channel");
    else if (((const zc_secure *)page->buf)->busy)
        complain("another thread works with the channel");
    else
        return page->buf;
    return NULL;
}

static int expect(Py_ssize_t count, Py_ssize_t wanted, const char *signature)
{
    if (count != wanted)
        PyErr_SetString(PyExc_TypeError, signature);
    return count == wanted;
}

/* ---- Carrier ------------------------------------------------------------------------------------------------------- */

/* Where commands go: a card connected over PC/SC, or to a Python function that is given with each. */
typedef struct {
    PyObject_HEAD
    zc_pcsc pcsc;
    uint64_t card;
    uint32_t protocol; /* 0: no card is connected, or not any more */
    uint32_t cancelled, refused;
    unsigned long long count;
} Carrier;

/* Carrier() or Carrier(pcsc, card, protocol), where `pcsc` is a buffer on a zc_pcsc, which is copied. */
static PyObject *carrier_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords)
{
    Py_buffer pcsc = {.buf = NULL};
    Carrier *self = (Carrier *)PyType_GenericAlloc(type, 0);
    unsigned long long card = 0;
    unsigned int protocol = 0;
    int sound;

    if (self == NULL)
        return NULL;
    sound = (keywords == NULL || complain("Carrier() takes no keywords")) && PyArg_ParseTuple(arguments, "|y*KI:Carrier", &pcsc, &card, &protocol);
    if (sound && pcsc.buf != NULL) {
        sound = pcsc.len == (Py_ssize_t)sizeof self->pcsc || complain("not a zc_pcsc");
        if (sound)
            memcpy(&self->pcsc, pcsc.buf, sizeof self->pcsc);
    }
    self->card = card;
    self->protocol = protocol;
    PyBuffer_Release(&pcsc);
    if (!sound)
        Py_CLEAR(self);
    return (PyObject *)self;
}

static int connected(const Carrier *self)
{
    return self->protocol != 0 && self->pcsc.library != NULL;
}

/* With the GIL released: the response, or PC/SC's code (0: no status word). */
static PyObject *transmit(Carrier *self, const Py_buffer *command, uint8_t *room, size_t size)
{
    size_t length = 0;
    uint32_t code;

    Py_BEGIN_ALLOW_THREADS
    code = zc_pcsc_transmit(&self->pcsc, self->card, self->protocol, command->buf, (size_t)command->len, room, size, &length);
    Py_END_ALLOW_THREADS
    self->count++;
    return code != 0 || length < 2 ? PyLong_FromUnsignedLong(code) : bytes_of(room, length);
}

static PyObject *carrier_transmit(PyObject *object, PyObject *command)
{
    Carrier *self = (Carrier *)object;
    uint8_t few[FEW], *room = few;
    PyObject *response = NULL;
    Py_buffer raw;
    int extended;

    if (!connected(self))
        return PyLong_FromUnsignedLong(NO_CARD);
    if (PyObject_GetBuffer(command, &raw, PyBUF_SIMPLE) != 0)
        return NULL;
    extended = raw.len > 5 && ((const uint8_t *)raw.buf)[4] == 0;
    if (extended && self->protocol == 1)
        complain("T=0 carries no extended length");
    else if (!extended || (room = take(ZC_RESPONSE_MAX, few)) != NULL)
        response = transmit(self, &raw, room, extended ? ZC_RESPONSE_MAX : FEW);
    leave(room, few);
    PyBuffer_Release(&raw);
    return response;
}

/* A zc_transmit that calls the Python function `carrier`; the GIL is held. After an exception the code is 1. There is room for a
 * byte more than any answer, so that what is cut off here is too long in any case. */
static uint32_t call_python(void *carrier, const uint8_t *command, size_t command_length, uint8_t *response,
                            size_t capacity, size_t *response_length)
{
    PyObject *raw = bytes_of(command, command_length);
    PyObject *answer = raw == NULL ? NULL : PyObject_CallFunctionObjArgs(carrier, raw, NULL);
    Py_buffer got = {.len = -1};

    Py_XDECREF(raw);
    if (answer != NULL && PyObject_GetBuffer(answer, &got, PyBUF_SIMPLE) == 0) {
        *response_length = (size_t)got.len < capacity ? (size_t)got.len : capacity;
        memcpy(response, got.buf, *response_length);
        PyBuffer_Release(&got);
    }
    Py_XDECREF(answer);
    return PyErr_Occurred() ? 1 : 0;
}

static zc_status run(Carrier *self, zc_job *job, PyObject *function)
{
    zc_status status;

    if (function != Py_None)
        return zc_carry(job, call_python, function);
    Py_BEGIN_ALLOW_THREADS
    status = zc_pcsc_carry(&self->pcsc, self->card, self->protocol, job);
    Py_END_ALLOW_THREADS
    return status;
}

/* Other threads, and the Python function, may ask for the channel to be closed meanwhile: it then is when the command has ended. */
static zc_status run_alone(Carrier *self, zc_job *job, PyObject *function)
{
    zc_status status;

    if (job->secure == NULL)
        return run(self, job, function);
    job->secure->busy = 1;
    status = run(self, job, function);
    job->secure->busy = 0;
    if (job->secure->doomed)
        zc_wipe(job->secure, sizeof *job->secure);
    return status;
}

/* The response; or, when the exchange did not end well, its status and the transport's code. */
static PyObject *outcome_of(const zc_job *job, zc_status status, PyObject *type)
{
    if (status == ZC_E_TRANSPORT && PyErr_Occurred())
        return NULL;
    if (status != ZC_OK)
        return Py_BuildValue("(ik)", (int)status, (unsigned long)job->code);
    return response_of(type, job->answer, job->received, job->sw);
}

static PyObject *carry(Carrier *self, zc_job *job, PyObject *function, PyObject *type)
{
    uint8_t few[FEW], none[1];
    PyObject *outcome = NULL;
    zc_status status;

    job->work_size = zc_work_size(job);
    job->work = take(job->work_size, few);
    job->answer = take(ZC_RESPONSE_MAX, none); /* not on the stack, which a thread may have little of */
    job->limit = EXTENDED_NE;
    job->cancel = &self->cancelled;
    if (job->work != NULL && job->answer != NULL) {
        status = run_alone(self, job, function);
        self->count += job->sent;
        self->refused = job->fell_back;
        if (status == ZC_E_CANCELLED)
            self->cancelled = 0;
        outcome = outcome_of(job, status, type);
    }
    leave(job->answer, none);
    leave(job->work, few);
    return outcome;
}

enum { COMMAND, OTHERWISE, PAGE, FILLS, FUNCTION, TYPE, ARGUMENTS };

/* A PIN goes from its locked page to the reader, never into an object of Python's. */
static int may_go(PyObject *const *arguments)
{
    if (!PyType_Check(arguments[TYPE]) || !PyType_IsSubtype((PyTypeObject *)arguments[TYPE], &PyTuple_Type))
        return complain("not a type of tuples");
    return arguments[FUNCTION] == Py_None || arguments[FILLS] == Py_None || complain("secrets go to no Python function");
}

static int fills_of(PyObject *object, zc_job *job, Py_buffer *fills)
{
    if (object == Py_None)
        return 1;
    if (PyObject_GetBuffer(object, fills, PyBUF_SIMPLE) != 0)
        return 0;
    job->fills = fills->buf;
    job->fill_count = (uint32_t)((size_t)fills->len / sizeof *job->fills);
    return 1;
}

static PyObject *carrier_exchange(PyObject *object, PyObject *const *arguments, Py_ssize_t count)
{
    Py_buffer data = {.obj = NULL}, page = {.obj = NULL}, fills = {.obj = NULL};
    PyObject *outcome = NULL;
    uint32_t otherwise;
    zc_job job;

    memset(&job, 0, sizeof job);
    if (!expect(count, ARGUMENTS, "exchange(command, form, page, fills, function, type)") || !may_go(arguments))
        return NULL;
    if (arguments[FUNCTION] == Py_None && !connected((Carrier *)object))
        return Py_BuildValue("(ik)", ZC_E_TRANSPORT, NO_CARD);
    if (number(arguments[OTHERWISE], ZC_EITHER, &otherwise) &&
        command_of(arguments[COMMAND], otherwise, &job.command, &data) && fills_of(arguments[FILLS], &job, &fills) &&
        (arguments[PAGE] == Py_None || (job.secure = secure_of(arguments[PAGE], &page)) != NULL)) {
        job.data = data.buf;
        outcome = carry((Carrier *)object, &job, arguments[FUNCTION], arguments[TYPE]);
    }
    PyBuffer_Release(&fills);
    PyBuffer_Release(&page);
    PyBuffer_Release(&data);
    return outcome;
}

static PyMethodDef carrier_methods[] = {
    {"transmit", carrier_transmit, METH_O, "One physical command: the response, or PC/SC's code (0: no status word)."},
    {"exchange", FAST(carrier_exchange), METH_FASTCALL,
     "exchange(command, form, page, fills, function, type): one logical command (zc_carry), under the channel in ``page`` unless\n"
     "that is None, over ``function`` or, if that is None, over PC/SC.\n\n"
     "Returns:\n    A ``type`` of the answer's data and status word; or, of an exchange that failed, a tuple of its status and PC/SC's\n"
     "    code."},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef carrier_members[] = {
    {"protocol", T_UINT, offsetof(Carrier, protocol), 0, "1: T=0, 2: T=1; 0: there is no card, and nothing goes to one."},
    {"count", T_ULONGLONG, offsetof(Carrier, count), READONLY, "Physical commands given to the transport so far."},
    {"refused", T_UINT, offsetof(Carrier, refused), READONLY, "Not 0: extended form was refused in the last exchange."},
    {"cancelled", T_UINT, offsetof(Carrier, cancelled), 0,
     "Set to 1 it stops the exchange under way, or else the next, between two commands of it; that makes it 0."},
    {NULL, 0, 0, 0, NULL},
};

static char carrier_doc[] = "Carries commands to a card over PC/SC, or over Python functions.";

static PyType_Slot carrier_slots[] = {
    {Py_tp_new, carrier_new},
    {Py_tp_dealloc, release_object},
    {Py_tp_methods, carrier_methods},
    {Py_tp_members, carrier_members},
    {Py_tp_doc, carrier_doc},
    {0, NULL},
};

PyType_Spec carrier_spec = {
    .name = "zorgid_card._hot.Carrier",
    .basicsize = sizeof(Carrier),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = carrier_slots,
};

/* ---- secure messaging ---------------------------------------------------------------------------------------------- */

static PyObject *command_tuple(PyObject *type, const zc_command *command, const uint8_t *data)
{
    uint32_t most = command->extended == ZC_SHORT ? SHORT_NE : EXTENDED_NE;
    PyObject *items[] = {PyLong_FromLong(command->cla), PyLong_FromLong(command->ins), PyLong_FromLong(command->p1),
                         PyLong_FromLong(command->p2), bytes_of(data, command->nc),
                         command->ne == 0 ? Py_NewRef(Py_None) : PyLong_FromUnsignedLong(command->ne == most ? 0 : command->ne), PyTuple_New(0),
                         PyBool_FromLong(command->extended == ZC_EXTENDED)};

    return named_tuple(type, items, FIELDS);
}

static PyObject *wrapped(zc_secure *secure, PyObject *type, zc_command *command, const Py_buffer *data)
{
    size_t room = (size_t)data->len + ZC_SM_OVERHEAD;
    uint8_t few[FEW], *copy = take(room, few);
    PyObject *outcome = NULL;
    zc_status status;

    if (copy == NULL)
        return NULL;
    memcpy(copy, data->buf, (size_t)data->len);
    status = zc_secure_wrap(secure, command, copy, room);
    outcome = status != ZC_OK ? PyLong_FromLong((long)status) : command_tuple(type, command, copy);
    leave(copy, few);
    return outcome;
}

static PyObject *wrap(PyObject *module, PyObject *const *arguments, Py_ssize_t count)
{
    Py_buffer page = {.obj = NULL}, data = {.obj = NULL};
    PyObject *outcome = NULL;
    zc_secure *secure;
    zc_command command;

    (void)module;
    memset(&command, 0, sizeof command);
    if (expect(count, 2, "wrap(page, command)") && (secure = secure_of(arguments[0], &page)) != NULL &&
        command_of(arguments[1], ZC_SHORT, &command, &data))
        outcome = wrapped(secure, (PyObject *)Py_TYPE(arguments[1]), &command, &data);
    PyBuffer_Release(&data);
    PyBuffer_Release(&page);
    return outcome;
}

static int response_fields(PyObject *tuple, Py_buffer *data, uint32_t *sw)
{
    if (PyTuple_Check(tuple) && PyTuple_Size(tuple) == 2)
        return number(PyTuple_GetItem(tuple, 1), 0xFFFF, sw) &&
               PyObject_GetBuffer(PyTuple_GetItem(tuple, 0), data, PyBUF_SIMPLE) == 0;
    PyErr_SetString(PyExc_TypeError, "a ResponseAPDU is needed");
    return 0;
}

static PyObject *unwrapped(zc_secure *secure, PyObject *type, const Py_buffer *data, uint16_t sw)
{
    size_t length = (size_t)data->len;
    uint8_t few[FEW], *copy = take(length, few);
    PyObject *outcome;
    zc_status status;

    if (copy == NULL)
        return NULL;
    memcpy(copy, data->buf, length);
    status = zc_secure_unwrap(secure, copy, &length, &sw);
    outcome = status != ZC_OK ? PyLong_FromLong((long)status) : response_of(type, copy, length, sw);
    leave(copy, few);
    return outcome;
}

static PyObject *unwrap(PyObject *module, PyObject *const *arguments, Py_ssize_t count)
{
    Py_buffer page = {.obj = NULL}, data = {.obj = NULL};
    PyObject *outcome = NULL;
    zc_secure *secure;
    uint32_t sw;

    (void)module;
    if (expect(count, 2, "unwrap(page, response)") && (secure = secure_of(arguments[0], &page)) != NULL &&
        response_fields(arguments[1], &data, &sw))
        outcome = unwrapped(secure, (PyObject *)Py_TYPE(arguments[1]), &data, (uint16_t)sw);
    PyBuffer_Release(&data);
    PyBuffer_Release(&page);
    return outcome;
}

/* ---- revocation ---------------------------------------------------------------------------------------------------- */

static PyObject *revoked(PyObject *module, PyObject *const *arguments, Py_ssize_t count)
{
    Py_buffer index = {.buf = NULL}, serial = {.buf = NULL};
    zc_status status = ZC_E_RANGE;
    zc_revoked entry;

    (void)module;
    if (count != 2) {
        PyErr_SetString(PyExc_TypeError, "revoked() takes an index and a serial number");
        return NULL;
    }
    if (PyObject_GetBuffer(arguments[0], &index, PyBUF_SIMPLE) == 0 && PyObject_GetBuffer(arguments[1], &serial, PyBUF_SIMPLE) == 0)
        status = zc_revoked_find(index.buf, (size_t)index.len, serial.buf, (size_t)serial.len, &entry);
    PyBuffer_Release(&serial);
    PyBuffer_Release(&index);
    if (status == ZC_OK)
        return Py_BuildValue("(iL)", (int)entry.reason, (long long)entry.since);
    if (status == ZC_E_MISSING)
        return Py_NewRef(Py_None);
    if (!PyErr_Occurred())
        complain(zc_reason((int)status));
    return NULL;
}

PyMethodDef command_functions[] = {
    {"wrap", FAST(wrap), METH_FASTCALL,
     "wrap(page, command): the wrapped command, or a status. ``page``: a writable buffer on a zc_secure."},
    {"unwrap", FAST(unwrap), METH_FASTCALL, "unwrap(page, response): the plain response, or a status."},
    {"revoked", FAST(revoked), METH_FASTCALL,
     "revoked(index, serial): the reason's number and seconds since 1970 of a serial number, big-endian, or None."},
    {NULL, NULL, 0, NULL},
};

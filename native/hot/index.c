/* SPDX-License-Identifier: Apache-2.0
 * Index: the packed index of TLV data (zc_tlv_index), looked into by path. */
#include "hot.h"

#define STACK_NODES 192

typedef struct {
    PyObject_HEAD
    PyObject *data;
    zc_tlv_node *nodes;
    size_t count;
} Index;

/* Numbers of a collection, at most `most`; NULL with an exception, or the caller frees with PyMem_Free. */
static uint32_t *tags_of(PyObject *collection, uint32_t *count)
{
    PyObject *list = PySequence_List(collection);
    uint32_t *tags = NULL;
    Py_ssize_t size = list == NULL ? 0 : PyList_Size(list);

    if (list != NULL)
        tags = PyMem_Malloc(sizeof *tags * (size_t)(size + 1));
    if (list != NULL && tags == NULL)
        PyErr_NoMemory();
    for (Py_ssize_t i = 0; tags != NULL && i < size; i++) {
        if (!number(PyList_GetItem(list, i), UINT32_MAX, &tags[i])) {
            PyMem_Free(tags);
            tags = NULL;
        }
    }
    *count = (uint32_t)size;
    Py_XDECREF(list);
    return tags;
}

/* Index on the stack where it fits; more room when it does not. */
static int index_into(Index *self, const zc_tlv_rules *rules)
{
    zc_tlv_node few[STACK_NODES];
    const uint8_t *at = (const uint8_t *)PyBytes_AsString(self->data);
    size_t length = (size_t)PyBytes_Size(self->data), offset = 0;
    zc_status status = zc_tlv_index(at, length, rules, few, STACK_NODES, &self->count, &offset);

    if (status != ZC_OK && status != ZC_E_CAPACITY) {
        raise_in("zorgid_card.codec.tlv", "_malformed", Py_BuildValue("(in)", (int)status, (Py_ssize_t)offset));
        return 0;
    }
    self->nodes = PyMem_Malloc(sizeof *self->nodes * (self->count + 1));
    if (self->nodes == NULL) {
        PyErr_NoMemory();
        return 0;
    }
    if (status == ZC_OK)
        memcpy(self->nodes, few, sizeof *few * self->count);
    else
        zc_tlv_index(at, length, rules, self->nodes, self->count, &self->count, &offset);
    return 1;
}

/* `keywords`: what the caller asks for beside the data. */
static int build(Index *self, PyObject *keywords)
{
    static char der_name[] = "der", padding_name[] = "padding", descend_name[] = "descend", opaque_name[] = "opaque";
    static char *names[] = {der_name, padding_name, descend_name, opaque_name, NULL};
    zc_tlv_rules rules = {NULL, NULL, 0, 0, 0};
    PyObject *descend = NULL, *opaque = NULL, *none;
    uint32_t *open = NULL, *closed = NULL;
    int der = 0, padding = 0, done = 0;

    if (keywords == NULL)
        return index_into(self, &rules);
    none = PyTuple_New(0);
    if (none != NULL && PyArg_ParseTupleAndKeywords(none, keywords, "|ppOO:Index", names, &der, &padding, &descend, &opaque) &&
        (descend == NULL || (open = tags_of(descend, &rules.open_count)) != NULL) &&
        (opaque == NULL || (closed = tags_of(opaque, &rules.closed_count)) != NULL)) {
        rules.open = open;
        rules.closed = closed;
        rules.flags = (der ? ZC_TLV_DER : 0u) | (padding ? ZC_TLV_PADDING : 0u);
        done = index_into(self, &rules);
    }
    PyMem_Free(open);
    PyMem_Free(closed);
    Py_XDECREF(none);
    return done;
}

static PyObject *index_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords)
{
    PyObject *data;
    Index *self;

    if (!PyArg_UnpackTuple(arguments, "Index", 1, 1, &data))
        return NULL;
    self = (Index *)PyType_GenericAlloc(type, 0);
    if (self == NULL)
        return NULL;
    self->data = PyBytes_FromObject(data);
    if (self->data == NULL || !build(self, keywords))
        Py_CLEAR(self);
    return (PyObject *)self;
}

static void index_free(PyObject *object)
{
    Index *self = (Index *)object;

    Py_XDECREF(self->data);
    PyMem_Free(self->nodes);
    release_object(object);
}

static PyObject *value_of(const Index *self, const zc_tlv_node *node)
{
    return bytes_of(PyBytes_AsString(self->data) + node->value, node->length);
}

/* 1: `found` is set. 0: there is none. -1: an exception. */
static int find(const Index *self, PyObject *const *path, Py_ssize_t depth, size_t from, size_t *found)
{
    uint32_t tags[ZC_TLV_DEPTH + 1];

    if (depth == 0) {
        PyErr_SetString(PyExc_ValueError, "a path has at least one tag");
        return -1;
    }
    if (depth > ZC_TLV_DEPTH + 1)
        return 0;
    for (Py_ssize_t i = 0; i < depth; i++)
        if (!number(path[i], UINT32_MAX, &tags[i]))
            return -1;
    return zc_tlv_find(self->nodes, self->count, tags, (size_t)depth, from, found) == ZC_OK;
}

/* As find, but none is an exception too. */
static int require(const Index *self, PyObject *const *path, Py_ssize_t depth, size_t *found)
{
    int known = find(self, path, depth, 0, found);
    PyObject *tags;

    if (known != 0)
        return known > 0;
    tags = PyTuple_New(depth);
    for (Py_ssize_t i = 0; tags != NULL && i < depth; i++) {
        Py_INCREF(path[i]);
        PyTuple_SetItem(tags, i, path[i]);
    }
    raise_in("zorgid_card.codec.tlv", "_missing", tags);
    return 0;
}

static PyObject *index_first(PyObject *object, PyObject *const *path, Py_ssize_t depth)
{
    const Index *self = (const Index *)object;
    size_t found;

    return require(self, path, depth, &found) ? value_of(self, &self->nodes[found]) : NULL;
}

static PyObject *index_optional(PyObject *object, PyObject *const *path, Py_ssize_t depth)
{
    const Index *self = (const Index *)object;
    size_t found;
    int known = find(self, path, depth, 0, &found);

    if (known < 0)
        return NULL;
    if (known == 0)
        Py_RETURN_NONE;
    return value_of(self, &self->nodes[found]);
}

/* Append `item`, which is given away. */
static int append(PyObject *list, PyObject *item)
{
    int done = item != NULL && PyList_Append(list, item) == 0;

    Py_XDECREF(item);
    return done;
}

static PyObject *index_all(PyObject *object, PyObject *const *path, Py_ssize_t depth)
{
    const Index *self = (const Index *)object;
    PyObject *list = PyList_New(0);
    size_t found = 0;
    int known = list == NULL ? -1 : find(self, path, depth, 0, &found);

    while (known > 0)
        known = append(list, value_of(self, &self->nodes[found])) ? find(self, path, depth, found + 1, &found) : -1;
    if (known < 0)
        Py_CLEAR(list);
    return list;
}

static PyObject *index_items(PyObject *object, PyObject *const *path, Py_ssize_t depth)
{
    const Index *self = (const Index *)object;
    size_t parent = 0, at = 0;
    PyObject *list;

    if (depth > 0 && !require(self, path, depth, &parent))
        return NULL;
    if (depth > 0)
        at = parent + 1 < self->count && self->nodes[parent + 1].parent == parent ? parent + 1 : self->count;
    list = PyList_New(0);
    while (list != NULL && at < self->count) {
        const zc_tlv_node *node = &self->nodes[at];
        PyObject *value = value_of(self, node);

        if (value == NULL || !append(list, Py_BuildValue("(kN)", (unsigned long)node->tag, value)))
            Py_CLEAR(list);
        at = node->next == ZC_TLV_NONE ? self->count : node->next;
    }
    return list;
}

static PyMethodDef index_methods[] = {
    {"first", FAST(index_first), METH_FASTCALL,
     "The value of the first object whose tags from the top level down are ``path``.\n\nRaises:\n"
     "    TLVMissingError: there is none; ``path`` names the tags."},
    {"optional", FAST(index_optional), METH_FASTCALL, "The value of the first object at ``path``, or None."},
    {"all", FAST(index_all), METH_FASTCALL, "The values of all objects at ``path``, in order."},
    {"items", FAST(index_items), METH_FASTCALL,
     "Tag and value of each child of the first object at ``path``; without a path, of the top level.\n\nRaises:\n"
     "    TLVMissingError: there is no object at ``path``."},
    {NULL, NULL, 0, NULL},
};

static char index_doc[] =
    "All data objects of some bytes.\n\n"
    "Constructed objects are entered by themselves. What the encoding does not tell the caller must (PIV's 53\n"
    "is primitive and holds data objects; its 71 is constructed and holds a raw byte).\n\n"
    "Args:\n"
    "    data: the bytes; they are kept, and copied only if they could change.\n"
    "    der: refuse lengths that are not the shortest possible (X.690, 10.1).\n"
    "    descend: primitive tags to enter.\n"
    "    opaque: constructed tags not to enter.\n"
    "    padding: skip bytes 00 and FF between the objects of the top level, as unused bytes of a card's files\n"
    "        (ISO/IEC 7816-4).\n\n"
    "Raises:\n"
    "    TLVError: with ``reason`` and ``offset``.";

static PyType_Slot index_slots[] = {
    {Py_tp_new, index_new},
    {Py_tp_dealloc, index_free},
    {Py_tp_methods, index_methods},
    {Py_tp_doc, index_doc},
    {0, NULL},
};

PyType_Spec index_spec = {
    .name = "zorgid_card.codec.tlv.Index",
    .basicsize = sizeof(Index),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = index_slots,
};

/* SPDX-License-Identifier: Apache-2.0
 * Whom a certificate of the UZI register names: the texts of its otherNames and its subject, in one walk over each. */
#include "certificate.h"

enum { SUBJECT_TYPES = 6 };
enum { UPN = ZC_UZI_FIELDS, SUBJECT, TEXTS = SUBJECT + SUBJECT_TYPES };

/* A DER string in an otherName, or how many there are. */
typedef struct {
    zc_slice contents;
    uint8_t tag;
    unsigned count;
} found_name;

static int is_oid(const Certificate *self, zc_slice oid, const uint8_t *wanted, size_t length)
{
    return oid.length == length && memcmp(bytes_in(self) + oid.at, wanted, length) == 0;
}

/* The reader has seen that `value` is one object and no more. */
static void note_name(const Certificate *self, zc_slice value, found_name *name)
{
    const uint8_t *at = bytes_in(self) + value.at;
    uint32_t header = at[1] < 0x80 ? 2 : 2 + (at[1] & 0x7Fu);

    name->tag = at[0];
    name->contents = (zc_slice){value.at + header, value.length - header};
    name->count++;
}

static void find_names(const Certificate *self, found_name *uzi, found_name *upn)
{
    static const uint8_t uzi_oid[] = {0x55, 0x05, 0x05};                                                 /* 2.5.5.5 */
    static const uint8_t upn_oid[] = {0x2B, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x14, 0x02, 0x03}; /* 1.3.6.1.4.1.311.20.2.3 */
    zc_slice rest = zc_certificate_walk(bytes_in(self), self->of.value[ZC_EXTENSION_NAMES], ZC_WALK_NAMES);
    zc_item item;

    while (zc_certificate_next(bytes_in(self), ZC_WALK_NAMES, &rest, &item) == ZC_MORE) {
        if (item.tag != OTHER_NAME)
            continue;
        if (is_oid(self, item.type, uzi_oid, sizeof uzi_oid))
            note_name(self, item.value, uzi);
        if (is_oid(self, item.type, upn_oid, sizeof upn_oid))
            note_name(self, item.value, upn);
    }
}

/* The one UTF8String; None where there is no name, False where there are more or it is something else. */
static PyObject *upn_text(const Certificate *self, const found_name *upn)
{
    PyObject *found;

    if (upn->count != 1 || upn->tag != UTF8_STRING)
        return Py_NewRef(upn->count == 0 ? Py_None : Py_False);
    found = text(self, upn->contents, UTF8_STRING);
    if (found != NULL || !PyErr_ExceptionMatches(PyExc_UnicodeDecodeError))
        return found;
    PyErr_Clear();
    return Py_NewRef(Py_False);
}

/* Where an attribute's text has its place; TEXTS for a type that is not asked for. */
static unsigned place_of(const Certificate *self, zc_slice type)
{
    static const uint8_t arcs[SUBJECT_TYPES] = {5, 10, 3, 42, 4, 12}; /* of id-at, 2.5.4 */
    const uint8_t *oid = bytes_in(self) + type.at;
    unsigned place = SUBJECT;

    if (type.length != 3 || oid[0] != 0x55 || oid[1] != 0x04)
        return TEXTS;
    while (place < TEXTS && arcs[place - SUBJECT] != oid[2])
        place++;
    return place;
}

/* 0: an exception. */
static int read_subject(const Certificate *self, PyObject *texts[])
{
    zc_slice rest = zc_certificate_walk(bytes_in(self), self->of.subject, ZC_WALK_NAME);
    zc_item item;

    while (zc_certificate_next(bytes_in(self), ZC_WALK_NAME, &rest, &item) == ZC_MORE) {
        unsigned place = place_of(self, item.type);
        PyObject *before = place < TEXTS ? texts[place] : NULL;

        if (place == TEXTS)
            continue;
        texts[place] = before != NULL || item.tag == BITS ? Py_NewRef(Py_False) : text(self, item.value, item.tag);
        Py_XDECREF(before);
        if (texts[place] == NULL)
            return 0;
    }
    return 1;
}

static int read_fields(const char *name, const zc_slice *fields, PyObject *texts[])
{
    for (unsigned i = 0; i < ZC_UZI_FIELDS; i++) {
        texts[i] = PyUnicode_FromStringAndSize(name + fields[i].at, (Py_ssize_t)fields[i].length);
        if (texts[i] == NULL)
            return 0;
    }
    return 1;
}

/* A tuple of the texts, which are given away, None where there is none; NULL unless `sound`. */
static PyObject *tuple_of_texts(PyObject *texts[], int sound)
{
    PyObject *tuple = sound ? PyTuple_New(TEXTS) : NULL;

    for (Py_ssize_t i = 0; i < TEXTS; i++) {
        if (tuple == NULL)
            Py_XDECREF(texts[i]);
        else
            PyTuple_SetItem(tuple, i, texts[i] != NULL ? texts[i] : Py_NewRef(Py_None));
    }
    return tuple;
}

PyObject *certificate_uzi_texts(PyObject *object, PyObject *tag)
{
    SELF;
    found_name uzi = {{0, 0}, 0, 0}, upn = {{0, 0}, 0, 0};
    PyObject *texts[TEXTS] = {NULL};
    zc_slice fields[ZC_UZI_FIELDS];
    const uint8_t *name;
    uint32_t wanted;
    int sound;

    if (!number(tag, 0xFF, &wanted))
        return NULL;
    find_names(self, &uzi, &upn);
    name = bytes_in(self) + uzi.contents.at;
    if (uzi.count != 1 || uzi.tag != wanted || zc_uzi_name(name, uzi.contents.length, fields) != ZC_OK)
        Py_RETURN_NONE;
    sound = read_fields((const char *)name, fields, texts) && (texts[UPN] = upn_text(self, &upn)) != NULL && read_subject(self, texts);
    return tuple_of_texts(texts, sound);
}

/* SPDX-License-Identifier: Apache-2.0
 * Certificate: a certificate that was read whole (zc_certificate_read), to those who say what stands in it. */
#ifndef ZC_HOT_CERTIFICATE_H
#define ZC_HOT_CERTIFICATE_H

#include "hot.h"

enum { BMP_STRING = 0x1E, IA5_STRING = 0x16, UTF8_STRING = 0x0C, BITS = 0x03, OTHER_NAME = 0xA0, DNS = 0x82, URI = 0x86 };

typedef struct {
    PyObject_HEAD
    PyObject *der;
    PyObject *purposes, *policies, *issuer, *subject; /* made once: a verifier asks for them again and again */
    zc_certificate of;
} Certificate;

#define SELF const Certificate *self = (const Certificate *)object
#define ABOUT(closure) ((uint32_t)(uintptr_t)(closure))

static inline const uint8_t *bytes_in(const Certificate *self)
{
    return (const uint8_t *)PyBytes_AsString(self->der);
}

static inline PyObject *part(const Certificate *self, zc_slice part)
{
    return bytes_of(bytes_in(self) + part.at, part.length);
}

/* The text of a string with this tag and contents. */
static inline PyObject *text(const Certificate *self, zc_slice part, uint8_t tag)
{
    const char *at = (const char *)bytes_in(self) + part.at;
    int big_endian = 1;

    if (tag == BMP_STRING)
        return PyUnicode_DecodeUTF16(at, (Py_ssize_t)part.length, "strict", &big_endian);
    return PyUnicode_FromStringAndSize(at, (Py_ssize_t)part.length);
}

/* What is walked, of the getters: `closure` is a number or an offset in zc_certificate. */
PyObject *certificate_policies(PyObject *object, void *closure);
PyObject *certificate_purposes(PyObject *object, void *closure);
PyObject *certificate_names(PyObject *object, void *closure);      /* DNS or URI */
PyObject *certificate_crl_urls(PyObject *object, void *closure);
PyObject *certificate_ocsp_urls(PyObject *object, void *closure);
PyObject *certificate_unknown_critical(PyObject *object, void *closure);
PyObject *certificate_attributes(PyObject *object, void *closure); /* offset of a Name */
PyObject *certificate_oid(const Certificate *self, zc_slice oid);

/* Of the methods. */
PyObject *certificate_other_names(PyObject *object, PyObject *type);
PyObject *certificate_extension(PyObject *object, PyObject *oid);
PyObject *certificate_uzi_texts(PyObject *object, PyObject *tag);

#endif

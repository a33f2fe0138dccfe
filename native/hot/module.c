/* SPDX-License-Identifier: Apache-2.0
 * The module zorgid_card._hot: its types and functions. */
#include "hot.h"

void raise_in(const char *module, const char *function, PyObject *arguments)
{
    PyObject *found = arguments == NULL ? NULL : PyImport_ImportModule(module);
    PyObject *raises = found == NULL ? NULL : PyObject_GetAttrString(found, function);
    PyObject *nothing = raises == NULL ? NULL : PyObject_CallObject(raises, arguments);

    if (nothing != NULL)
        PyErr_SetString(PyExc_SystemError, "an error was expected");
    Py_XDECREF(nothing);
    Py_XDECREF(raises);
    Py_XDECREF(found);
    Py_XDECREF(arguments);
}

static int add(PyObject *module, const char *name, PyType_Spec *spec)
{
    PyObject *type = PyType_FromSpec(spec);
    int failed = type == NULL || PyModule_AddObjectRef(module, name, type) != 0;

    Py_XDECREF(type);
    return failed ? -1 : 0;
}

static int module_exec(PyObject *module)
{
    if (PyModule_AddFunctions(module, text_functions) != 0 || add(module, "Index", &index_spec) != 0)
        return -1;
    if (add(module, "Certificate", &certificate_spec) != 0)
        return -1;
    return add(module, "Carrier", &carrier_spec);
}

static PyModuleDef_Slot module_slots[] = {
    {Py_mod_exec, module_exec},
    {0, NULL},
};

static struct PyModuleDef module_def = {
    PyModuleDef_HEAD_INIT,
    .m_name = "_hot",
    .m_doc = "The hot paths of the C core, bound by hand.",
    .m_methods = command_functions,
    .m_slots = module_slots,
};

PyMODINIT_FUNC PyInit__hot(void);

PyMODINIT_FUNC PyInit__hot(void)
{
    return PyModuleDef_Init(&module_def);
}

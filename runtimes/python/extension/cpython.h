/* The names of CPython that the extension uses. There are no headers of CPython for wasm32-wasi, so they are declared by
 * hand; `python/tests/test_extension.py` compares them with a real header, which is included before this one. */
#ifndef CPYTHON_H
#define CPYTHON_H
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* With the real header, what cannot be declared twice has names of its own, which the test compares. */
#ifdef Py_PYTHON_H
#define PyMemAllocatorEx DeclaredAllocator
#define PyMethodDef DeclaredMethodDef
#define PyModuleDef DeclaredModuleDef
#define PyType_Slot DeclaredSlot
#define PyType_Spec DeclaredSpec
#else
typedef struct _typeobject PyTypeObject;
typedef intptr_t Py_ssize_t;
typedef struct _object { Py_ssize_t ob_refcnt; PyTypeObject *ob_type; } PyObject;
typedef PyObject *(*PyCFunction)(PyObject *, PyObject *);
typedef void (*destructor)(PyObject *);
typedef PyObject *(*unaryfunc)(PyObject *);
typedef PyObject *(*binaryfunc)(PyObject *, PyObject *);
typedef Py_ssize_t (*lenfunc)(PyObject *);
typedef int (*objobjproc)(PyObject *, PyObject *);
typedef int (*objobjargproc)(PyObject *, PyObject *, PyObject *);
typedef PyObject *(*richcmpfunc)(PyObject *, PyObject *, int);
typedef PyObject *(*newfunc)(PyTypeObject *, PyObject *, PyObject *);
typedef enum { PYMEM_DOMAIN_RAW, PYMEM_DOMAIN_MEM, PYMEM_DOMAIN_OBJ } PyMemAllocatorDomain;
#endif

typedef struct { const char *ml_name; PyCFunction ml_meth; int ml_flags; const char *ml_doc; } PyMethodDef;
typedef struct {
  struct { Py_ssize_t refcnt; void *type; void *init; Py_ssize_t index; PyObject *copy; } m_base;
  const char *m_name; const char *m_doc; Py_ssize_t m_size; PyMethodDef *m_methods;
  void *m_slots, *m_traverse, *m_clear, *m_free;
} PyModuleDef;
typedef struct { int slot; void *pfunc; } PyType_Slot;
typedef struct {
  void *ctx;
  void *(*malloc)(void *, size_t);
  void *(*calloc)(void *, size_t, size_t);
  void *(*realloc)(void *, void *, size_t);
  void (*free)(void *, void *);
} PyMemAllocatorEx;
typedef struct { const char *name; int basicsize; int itemsize; unsigned int flags; PyType_Slot *slots; } PyType_Spec;

#ifdef Py_PYTHON_H
#undef PyMemAllocatorEx
#undef PyMethodDef
#undef PyModuleDef
#undef PyType_Slot
#undef PyType_Spec
#endif

#ifndef Py_PYTHON_H
#define PyModuleDef_HEAD_INIT { 1, NULL, NULL, 0, NULL }
#endif
#define METH_VARARGS  0x0001
#define METH_KEYWORDS 0x0002
#define METH_NOARGS   0x0004
#define METH_FASTCALL  0x0080
#define Py_TPFLAGS_BASETYPE (1UL << 10)
#define Py_mp_ass_subscript 3
#define Py_mp_length 4
#define Py_mp_subscript 5
#define Py_nb_inplace_or 19
#define Py_nb_or 31
#define Py_sq_contains 41
#define Py_tp_dealloc 52
#define Py_tp_iter 62
#define Py_tp_methods 64
#define Py_tp_new 65
#define Py_tp_repr 66
#define Py_tp_richcompare 67

struct _longobject;
extern PyObject _Py_NoneStruct;
extern struct _longobject _Py_TrueStruct, _Py_FalseStruct;
extern PyTypeObject PyUnicode_Type, PyBytes_Type, PyLong_Type, PyFloat_Type, PyDict_Type, PyList_Type, PyTuple_Type;
extern PyObject *PyExc_ValueError, *PyExc_MemoryError, *PyExc_RecursionError;

void _Py_Dealloc(PyObject *);
int Py_EnterRecursiveCall(const char *);
void Py_LeaveRecursiveCall(void);
int PyArg_ParseTuple(PyObject *, const char *, ...);
void PyErr_Clear(void);
int PyErr_ExceptionMatches(PyObject *);
PyObject *PyErr_NoMemory(void);
PyObject *PyErr_Occurred(void);
void PyErr_SetString(PyObject *, const char *);
int PyGC_Disable(void);
int PyGC_Enable(void);
void PyMem_Free(void *);
void PyMem_GetAllocator(PyMemAllocatorDomain, PyMemAllocatorEx *);
void *PyMem_Malloc(size_t);
void *PyMem_Realloc(void *, size_t);
void PyMem_SetAllocator(PyMemAllocatorDomain, PyMemAllocatorEx *);
int PyModule_AddObjectRef(PyObject *, const char *, PyObject *);

PyObject *PyObject_Call(PyObject *, PyObject *, PyObject *);
PyObject *PyObject_CallFunctionObjArgs(PyObject *, ...);
PyObject *PyObject_GetAttrString(PyObject *, const char *);
void *PyType_GetSlot(PyTypeObject *, int);
int PyType_IsSubtype(PyTypeObject *, PyTypeObject *);

int PyBytes_AsStringAndSize(PyObject *, char **, Py_ssize_t *);
PyObject *PyBytes_FromStringAndSize(const char *, Py_ssize_t);
void PyDict_Clear(PyObject *);
PyObject *PyDict_Copy(PyObject *);
PyObject *PyDict_GetItemWithError(PyObject *, PyObject *);
PyObject *PyDict_New(void);
int PyDict_Next(PyObject *, Py_ssize_t *, PyObject **, PyObject **);
int PyDict_SetItem(PyObject *, PyObject *, PyObject *);
Py_ssize_t PyDict_Size(PyObject *);
int PyDict_Update(PyObject *, PyObject *);
double PyFloat_AsDouble(PyObject *);
PyObject *PyFloat_FromDouble(double);
PyObject *PyList_GetItem(PyObject *, Py_ssize_t);
PyObject *PyList_New(Py_ssize_t);
int PyList_SetItem(PyObject *, Py_ssize_t, PyObject *);
Py_ssize_t PyList_Size(PyObject *);
long PyLong_AsLong(PyObject *);
long long PyLong_AsLongLong(PyObject *);
unsigned long long PyLong_AsUnsignedLongLong(PyObject *);
PyObject *PyLong_FromLongLong(long long);
PyObject *PyLong_FromUnsignedLongLong(unsigned long long);
PyObject *PyTuple_GetItem(PyObject *, Py_ssize_t);
PyObject *PyTuple_New(Py_ssize_t);
int PyTuple_SetItem(PyObject *, Py_ssize_t, PyObject *);
Py_ssize_t PyTuple_Size(PyObject *);
const char *PyUnicode_AsUTF8AndSize(PyObject *, Py_ssize_t *);
int PyUnicode_Compare(PyObject *, PyObject *);
PyObject *PyUnicode_DecodeUTF8(const char *, Py_ssize_t, const char *);
void PyUnicode_InternInPlace(PyObject **);

#ifndef Py_PYTHON_H
PyObject *PyModule_Create2(PyModuleDef *, int);
PyObject *PyType_FromSpecWithBases(PyType_Spec *, PyObject *);

/* The references of objects that live for ever are not counted: on 32 bits, they have this number of them or more. */
#define IMMORTAL (1L << 30)
static inline void Py_INCREF(PyObject *item) { if (item->ob_refcnt < IMMORTAL) item->ob_refcnt++; }
static inline void Py_DECREF(PyObject *item) { if (item->ob_refcnt < IMMORTAL && !--item->ob_refcnt) _Py_Dealloc(item); }
static inline PyTypeObject *Py_TYPE(PyObject *item) { return item->ob_type; }
#endif

#endif

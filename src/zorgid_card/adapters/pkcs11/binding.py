"""PKCS #11 v2.40 as cffi reads it: the structures, and the list of functions in the standard's order (appendix of 2.40's headers).

Structures are packed to one byte on Windows and aligned as in C elsewhere (2.40, 2.1).
"""

from __future__ import annotations

import sys
from functools import cache
from typing import Any, Final

import cffi

_STRUCTURES: Final = """
typedef unsigned char CK_BYTE;
typedef unsigned long CK_ULONG;
typedef CK_ULONG CK_RV;
typedef struct { CK_BYTE major; CK_BYTE minor; } CK_VERSION;
typedef struct { CK_BYTE slotDescription[64]; CK_BYTE manufacturerID[32]; CK_ULONG flags; CK_VERSION hardwareVersion;
  CK_VERSION firmwareVersion; } CK_SLOT_INFO;
typedef struct { CK_BYTE label[32]; CK_BYTE manufacturerID[32]; CK_BYTE model[16]; CK_BYTE serialNumber[16]; CK_ULONG flags;
  CK_ULONG ulMaxSessionCount; CK_ULONG ulSessionCount; CK_ULONG ulMaxRwSessionCount; CK_ULONG ulRwSessionCount;
  CK_ULONG ulMaxPinLen; CK_ULONG ulMinPinLen; CK_ULONG ulTotalPublicMemory; CK_ULONG ulFreePublicMemory;
  CK_ULONG ulTotalPrivateMemory; CK_ULONG ulFreePrivateMemory; CK_VERSION hardwareVersion; CK_VERSION firmwareVersion;
  CK_BYTE utcTime[16]; } CK_TOKEN_INFO;
typedef struct { CK_ULONG slotID; CK_ULONG state; CK_ULONG flags; CK_ULONG ulDeviceError; } CK_SESSION_INFO;
typedef struct { CK_ULONG type; void *pValue; CK_ULONG ulValueLen; } CK_ATTRIBUTE;
typedef struct { CK_ULONG mechanism; void *pParameter; CK_ULONG ulParameterLen; } CK_MECHANISM;
typedef struct { CK_ULONG hashAlg; CK_ULONG mgf; CK_ULONG sLen; } CK_RSA_PKCS_PSS_PARAMS;
typedef struct { CK_ULONG kdf; CK_ULONG ulSharedDataLen; void *pSharedData; CK_ULONG ulPublicDataLen;
  void *pPublicData; } CK_ECDH1_DERIVE_PARAMS;
typedef struct { void *CreateMutex; void *DestroyMutex; void *LockMutex; void *UnlockMutex; CK_ULONG flags;
  void *pReserved; } CK_C_INITIALIZE_ARGS;
"""

_FUNCTIONS: Final = """
Initialize Finalize GetInfo GetFunctionList GetSlotList GetSlotInfo GetTokenInfo GetMechanismList GetMechanismInfo InitToken
InitPIN SetPIN OpenSession CloseSession CloseAllSessions GetSessionInfo GetOperationState SetOperationState Login Logout
CreateObject CopyObject DestroyObject GetObjectSize GetAttributeValue SetAttributeValue FindObjectsInit FindObjects
FindObjectsFinal EncryptInit Encrypt EncryptUpdate EncryptFinal DecryptInit Decrypt DecryptUpdate DecryptFinal DigestInit
Digest DigestUpdate DigestKey DigestFinal SignInit Sign SignUpdate SignFinal SignRecoverInit SignRecover VerifyInit Verify
VerifyUpdate VerifyFinal VerifyRecoverInit VerifyRecover DigestEncryptUpdate DecryptDigestUpdate SignEncryptUpdate
DecryptVerifyUpdate GenerateKey GenerateKeyPair WrapKey UnwrapKey DeriveKey SeedRandom GenerateRandom GetFunctionStatus
CancelFunction WaitForSlotEvent
"""

# Parameters of those that are called; the others keep their place in the list.
_SESSION_KEY: Final = "CK_ULONG, CK_MECHANISM *, CK_ULONG"
_IN_AND_OUT: Final = "CK_ULONG, const CK_BYTE *, CK_ULONG, CK_BYTE *, CK_ULONG *"
_PARAMETERS: Final = {
    "Initialize": "CK_C_INITIALIZE_ARGS *",
    "Finalize": "void *",
    "GetSlotList": "CK_BYTE, CK_ULONG *, CK_ULONG *",
    "GetSlotInfo": "CK_ULONG, CK_SLOT_INFO *",
    "GetTokenInfo": "CK_ULONG, CK_TOKEN_INFO *",
    "GetMechanismList": "CK_ULONG, CK_ULONG *, CK_ULONG *",
    "InitPIN": "CK_ULONG, const CK_BYTE *, CK_ULONG",
    "SetPIN": "CK_ULONG, const CK_BYTE *, CK_ULONG, const CK_BYTE *, CK_ULONG",
    "OpenSession": "CK_ULONG, CK_ULONG, void *, void *, CK_ULONG *",
    "CloseSession": "CK_ULONG",
    "GetSessionInfo": "CK_ULONG, CK_SESSION_INFO *",
    "Login": "CK_ULONG, CK_ULONG, const CK_BYTE *, CK_ULONG",
    "Logout": "CK_ULONG",
    "GetAttributeValue": "CK_ULONG, CK_ULONG, CK_ATTRIBUTE *, CK_ULONG",
    "FindObjectsInit": "CK_ULONG, CK_ATTRIBUTE *, CK_ULONG",
    "FindObjects": "CK_ULONG, CK_ULONG *, CK_ULONG, CK_ULONG *",
    "FindObjectsFinal": "CK_ULONG",
    "DecryptInit": _SESSION_KEY,
    "Decrypt": _IN_AND_OUT,
    "SignInit": _SESSION_KEY,
    "Sign": _IN_AND_OUT,
    "CreateObject": "CK_ULONG, CK_ATTRIBUTE *, CK_ULONG, CK_ULONG *",
    "GenerateKey": "CK_ULONG, CK_MECHANISM *, CK_ATTRIBUTE *, CK_ULONG, CK_ULONG *",
    "GenerateKeyPair": "CK_ULONG, CK_MECHANISM *, CK_ATTRIBUTE *, CK_ULONG, CK_ATTRIBUTE *, CK_ULONG, CK_ULONG *, CK_ULONG *",
    "DeriveKey": "CK_ULONG, CK_MECHANISM *, CK_ULONG, CK_ATTRIBUTE *, CK_ULONG, CK_ULONG *",
    "DestroyObject": "CK_ULONG, CK_ULONG",
}


def _declarations() -> str:
    members = (
        f"CK_RV (*C_{name})({_PARAMETERS[name]});" if name in _PARAMETERS else f"void *C_{name};"
        for name in _FUNCTIONS.split()
    )
    listed = f"typedef struct {{ CK_VERSION version; {' '.join(members)} }} CK_FUNCTION_LIST;"
    return f"{_STRUCTURES}{listed} CK_RV C_GetFunctionList(CK_FUNCTION_LIST **);"


@cache
def declared() -> Any:
    """The ``FFI`` that knows all this; read when it is first needed, which takes some milliseconds."""
    ffi = cffi.FFI()
    ffi.cdef(_declarations(), pack=1 if sys.platform == "win32" else None)
    return ffi

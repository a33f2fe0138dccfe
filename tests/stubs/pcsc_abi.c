/* SPDX-License-Identifier: Apache-2.0
 * A PC/SC library with the ABI of one platform, to see whether pcsc.c speaks it. Its types are written down from what the
 * platforms publish, not from pcsc.c:
 *   STUB_LINUX    pcsclite.h and wintypes.h of pcsc-lite
 *   STUB_MACOS    pcsclite.h, winscard.h and wintypes.h of PCSC.framework
 *   STUB_WINDOWS  winscard.h, https://learn.microsoft.com/windows/win32/api/winscard/
 * It answers as one reader with one card and another that is empty; what it is given wrongly it counts in abi_faults. */
#include <stdint.h>
#include <string.h>

#if defined(STUB_LINUX)
typedef unsigned long DWORD;
typedef long LONG;
typedef LONG SCARDCONTEXT;
typedef LONG SCARDHANDLE;
#define MAX_ATR_SIZE 33
#define STATE_SIZE (sizeof(void *) == 8 ? 80 : 56)
#define CONTEXT ((SCARDCONTEXT)(sizeof(LONG) == 8 ? INT64_C(0x1122334455667788) : 0x11223344))
#define CARD ((SCARDHANDLE)-2)
#elif defined(STUB_MACOS)
typedef uint32_t DWORD;
typedef int32_t LONG;
typedef int32_t SCARDCONTEXT;
typedef int32_t SCARDHANDLE;
#define SCardControl SCardControl132 /* plain SCardControl has no control code there */
#define MAX_ATR_SIZE 33
#define STATE_SIZE (sizeof(void *) == 8 ? 61 : 53)
#define CONTEXT ((SCARDCONTEXT)-0x11223344)
#define CARD ((SCARDHANDLE)-2)
#pragma pack(1)
#elif defined(STUB_WINDOWS)
typedef uint32_t DWORD;
typedef int32_t LONG;
typedef uintptr_t SCARDCONTEXT;
typedef uintptr_t SCARDHANDLE;
#define MAX_ATR_SIZE 36
#define STATE_SIZE (sizeof(void *) == 8 ? 64 : 56)
#define CONTEXT ((SCARDCONTEXT)(UINTPTR_MAX - 0x11223344))
#define CARD ((SCARDHANDLE)(UINTPTR_MAX / 2 + 2))
#define SCardListReaders SCardListReadersA
#define SCardGetStatusChange SCardGetStatusChangeA
#define SCardConnect SCardConnectA
#define SCardStatus SCardStatusA
#endif

typedef struct {
    const char *szReader;
    void *pvUserData;
    DWORD dwCurrentState;
    DWORD dwEventState;
    DWORD cbAtr;
    unsigned char rgbAtr[MAX_ATR_SIZE];
} SCARD_READERSTATE;

typedef struct {
    DWORD dwProtocol;
    DWORD cbPciLength;
} SCARD_IO_REQUEST;

#if defined(STUB_MACOS)
#pragma pack()
#endif

#define CODE(number) ((LONG)UINT32_C(number))
static const char first[] = "Reader with a card", second[] = "Reader without";
static const unsigned char atr[] = {0x3B, 0x02, 0x62, 0x02};

uint32_t abi_faults, abi_cancelled;

static void expect(int holds)
{
    abi_faults += !holds;
}

uint32_t abi_state_size(void)
{
    return sizeof(SCARD_READERSTATE) == STATE_SIZE ? (uint32_t)STATE_SIZE : 0;
}

LONG SCardEstablishContext(DWORD dwScope, const void *pvReserved1, const void *pvReserved2, SCARDCONTEXT *phContext)
{
    expect(dwScope == 2 && pvReserved1 == NULL && pvReserved2 == NULL);
    *phContext = CONTEXT;
    return 0;
}

LONG SCardReleaseContext(SCARDCONTEXT hContext)
{
    return hContext == CONTEXT ? 0 : CODE(0x80100003);
}

LONG SCardListReaders(SCARDCONTEXT hContext, const char *mszGroups, char *mszReaders, DWORD *pcchReaders)
{
    const DWORD needed = sizeof first + sizeof second + 1;

    expect(hContext == CONTEXT && mszGroups == NULL);
    if (mszReaders != NULL && *pcchReaders < needed)
        return CODE(0x80100008);
    if (mszReaders != NULL) {
        memcpy(mszReaders, first, sizeof first);
        memcpy(mszReaders + sizeof first, second, sizeof second);
        mszReaders[sizeof first + sizeof second] = 0;
    }
    *pcchReaders = needed;
    return 0;
}

LONG SCardGetStatusChange(SCARDCONTEXT hContext, DWORD dwTimeout, SCARD_READERSTATE *rgReaderStates, DWORD cReaders)
{
    expect(hContext == CONTEXT);
    if (dwTimeout == 0xFFFFFFFF)
        return CODE(0x8010000A);
    expect(dwTimeout == 250 && cReaders == 2);
    expect(strcmp(rgReaderStates[0].szReader, first) == 0 && strcmp(rgReaderStates[1].szReader, second) == 0);
    expect(rgReaderStates[0].dwCurrentState == 0 && rgReaderStates[1].dwCurrentState == 0x00030010);
    expect(rgReaderStates[0].dwEventState == 0 && rgReaderStates[0].pvUserData == NULL);
    rgReaderStates[0].dwEventState = 0x00010022;
    rgReaderStates[0].cbAtr = MAX_ATR_SIZE;
    for (int i = 0; i < MAX_ATR_SIZE; i++)
        rgReaderStates[0].rgbAtr[i] = (unsigned char)(i + 1);
    rgReaderStates[1].dwEventState = 0x00030010;
    rgReaderStates[1].cbAtr = 0;
    return 0;
}

LONG SCardCancel(SCARDCONTEXT hContext)
{
    expect(hContext == CONTEXT);
    abi_cancelled++;
    return 0;
}

LONG SCardConnect(SCARDCONTEXT hContext, const char *szReader, DWORD dwShareMode, DWORD dwPreferredProtocols,
                  SCARDHANDLE *phCard, DWORD *pdwActiveProtocol)
{
    expect(hContext == CONTEXT && dwShareMode == 2 && dwPreferredProtocols == 3);
    if (strcmp(szReader, second) == 0)
        return CODE(0x8010000C);
    expect(strcmp(szReader, first) == 0);
    *phCard = CARD;
    *pdwActiveProtocol = 2;
    return 0;
}

LONG SCardReconnect(SCARDHANDLE hCard, DWORD dwShareMode, DWORD dwPreferredProtocols, DWORD dwInitialization,
                    DWORD *pdwActiveProtocol)
{
    expect(hCard == CARD && dwShareMode == 2 && dwPreferredProtocols == 3 && dwInitialization == 1);
    *pdwActiveProtocol = 1;
    return 0;
}

LONG SCardDisconnect(SCARDHANDLE hCard, DWORD dwDisposition)
{
    expect(hCard == CARD && dwDisposition == 1);
    return 0;
}

LONG SCardBeginTransaction(SCARDHANDLE hCard)
{
    expect(hCard == CARD);
    return 0;
}

LONG SCardEndTransaction(SCARDHANDLE hCard, DWORD dwDisposition)
{
    expect(hCard == CARD && dwDisposition == 0);
    return 0;
}

LONG SCardStatus(SCARDHANDLE hCard, char *szReaderName, DWORD *pcchReaderLen, DWORD *pdwState, DWORD *pdwProtocol,
                 unsigned char *pbAtr, DWORD *pcbAtrLen)
{
    expect(hCard == CARD && *pcchReaderLen >= sizeof first && *pcbAtrLen >= MAX_ATR_SIZE);
    memcpy(szReaderName, first, sizeof first);
    memcpy(pbAtr, atr, sizeof atr);
    *pcchReaderLen = sizeof first;
    *pdwState = 0x34;
    *pdwProtocol = 2;
    *pcbAtrLen = sizeof atr;
    return 0;
}

LONG SCardTransmit(SCARDHANDLE hCard, const SCARD_IO_REQUEST *pioSendPci, const unsigned char *pbSendBuffer,
                   DWORD cbSendLength, SCARD_IO_REQUEST *pioRecvPci, unsigned char *pbRecvBuffer, DWORD *pcbRecvLength)
{
    expect(hCard == CARD && pioSendPci->dwProtocol == 2 && pioSendPci->cbPciLength == sizeof(SCARD_IO_REQUEST));
    expect(pioRecvPci == NULL && cbSendLength == 5 && pbSendBuffer[1] == 0xB0);
    if (*pcbRecvLength < 3)
        return CODE(0x80100008);
    memcpy(pbRecvBuffer, "\x2A\x90\x00", 3);
    *pcbRecvLength = 3;
    return 0;
}

LONG SCardControl(SCARDHANDLE hCard, DWORD dwControlCode, const void *pbSendBuffer, DWORD cbSendLength,
                  void *pbRecvBuffer, DWORD cbRecvLength, DWORD *lpBytesReturned)
{
    expect(hCard == CARD && dwControlCode != 0 && (pbSendBuffer != NULL || cbSendLength == 0));
    (void)pbRecvBuffer, (void)cbRecvLength;
    *lpBytesReturned = 0;
    return CODE(0x80100022);
}

LONG SCardGetAttrib(SCARDHANDLE hCard, DWORD dwAttrId, unsigned char *pbAttr, DWORD *pcbAttrLen)
{
    expect(hCard == CARD && dwAttrId != 0 && (pbAttr == NULL || *pcbAttrLen > 0));
    return CODE(0x80100022);
}

/* SPDX-License-Identifier: Apache-2.0
 * A libpcsclite for measuring: one reader, one card in memory, whose work is as little as can be.
 *
 *   CLA with the chaining bit   9000
 *   INS C0                      as many bytes as Le says, 61xx while any are left
 *   INS 01, short               256 bytes and 9000
 *   INS 01, extended            65,536 bytes and 9000
 *   any other INS               61xx: 4,096 bytes are to be had with GET RESPONSE
 */
#include <stddef.h>
#include <string.h>

typedef struct {
    const char *reader;
    void *user;
    unsigned long current, event, atr_length;
    unsigned char atr[33];
} reader_state;

typedef struct {
    unsigned long protocol, length;
} io_request;

const io_request g_rgSCardT0Pci = {1, sizeof(io_request)}, g_rgSCardT1Pci = {2, sizeof(io_request)},
                 g_rgSCardRawPci = {4, sizeof(io_request)};

static const char name[] = "Card in memory 00 00";
static const unsigned char atr[] = {0x3B, 0x80, 0x01, 0x81};
static unsigned char memory[65536];
static unsigned int left;

enum { ANSWER = 4096 };

long SCardEstablishContext(unsigned long scope, const void *a, const void *b, long *context)
{
    (void)scope, (void)a, (void)b;
    *context = 1;
    return 0;
}

long SCardReleaseContext(long context)
{
    (void)context;
    return 0;
}

long SCardIsValidContext(long context)
{
    (void)context;
    return 0;
}

static long list(const char *text, unsigned long size, char *out, unsigned long *length)
{
    if (out != NULL)
        memcpy(out, text, size);
    *length = size;
    return 0;
}

long SCardListReaders(long context, const char *groups, char *names, unsigned long *length)
{
    (void)context, (void)groups;
    return list("Card in memory 00 00\0", sizeof name + 1, names, length);
}

long SCardListReaderGroups(long context, char *groups, unsigned long *length)
{
    (void)context;
    return list("all\0", 5, groups, length);
}

long SCardGetStatusChange(long context, unsigned long timeout, reader_state *state, unsigned long count)
{
    (void)context, (void)timeout, (void)count;
    state->event = 0x22;
    return 0;
}

long SCardConnect(long context, const char *reader, unsigned long share, unsigned long protocols, long *card,
                  unsigned long *protocol)
{
    (void)context, (void)reader, (void)share, (void)protocols;
    *card = 1;
    *protocol = 2;
    return 0;
}

long SCardReconnect(long card, unsigned long share, unsigned long protocols, unsigned long initialization,
                    unsigned long *protocol)
{
    (void)card, (void)share, (void)protocols, (void)initialization;
    *protocol = 2;
    return 0;
}

long SCardDisconnect(long card, unsigned long disposition)
{
    (void)card, (void)disposition;
    return 0;
}

long SCardBeginTransaction(long card)
{
    (void)card;
    return 0;
}

long SCardEndTransaction(long card, unsigned long disposition)
{
    (void)card, (void)disposition;
    return 0;
}

long SCardCancel(long context)
{
    (void)context;
    return 0;
}

long SCardFreeMemory(long context, const void *memory_of_card)
{
    (void)context, (void)memory_of_card;
    return 0;
}

long SCardControl(long card, unsigned long code, const void *in, unsigned long in_length, void *out,
                  unsigned long out_capacity, unsigned long *out_length)
{
    (void)card, (void)code, (void)in, (void)in_length, (void)out, (void)out_capacity;
    *out_length = 0;
    return 0;
}

long SCardGetAttrib(long card, unsigned long id, unsigned char *value, unsigned long *length)
{
    (void)card, (void)id, (void)value;
    *length = 0;
    return 0;
}

long SCardSetAttrib(long card, unsigned long id, const unsigned char *value, unsigned long length)
{
    (void)card, (void)id, (void)value, (void)length;
    return 0;
}

long SCardStatus(long card, char *reader, unsigned long *reader_length, unsigned long *state, unsigned long *protocol,
                 unsigned char *answer, unsigned long *answer_length)
{
    (void)card;
    if (reader != NULL)
        memcpy(reader, name, sizeof name);
    *reader_length = sizeof name;
    *state = 0x34;
    *protocol = 2;
    if (answer != NULL)
        memcpy(answer, atr, sizeof atr);
    *answer_length = sizeof atr;
    return 0;
}

static void answer(unsigned char *response, unsigned long *length, unsigned int size)
{
    unsigned int sw = left == 0 ? 0x9000 : 0x6100 | (left < 256 ? left : 0);
    unsigned char trailer[2] = {(unsigned char)(sw >> 8), (unsigned char)sw};

    memcpy(response, memory, size);
    memcpy(response + size, trailer, sizeof trailer); /* at once, as a real library copies it: two bytes read as one word */
    *length = size + 2;
}

long SCardTransmit(long card, const io_request *request, const unsigned char *command, unsigned long length,
                   void *receive, unsigned char *response, unsigned long *response_length)
{
    unsigned int le = length == 5 && command[4] != 0 ? command[4] : 256, size = 0;

    (void)card, (void)request, (void)receive;
    if (command[0] & 0x10) {
        left = 0;
    } else if (command[1] == 0xC0) {
        size = left < le ? left : le;
        left -= size;
    } else if (command[1] == 0x01) {
        left = 0;
        size = length > 261 ? 65536 : 256;
    } else {
        left = ANSWER;
    }
    answer(response, response_length, size);
    return 0;
}

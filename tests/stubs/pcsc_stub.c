/* SPDX-License-Identifier: Apache-2.0
 * A libpcsclite that the tests hold in their hands: one reader, one card. Its variables are set and read from the test; each
 * call fails with stub_code for stub_times times where the two are set for it. */
#include <stdint.h>
#include <string.h>

typedef struct {
    const char *reader;
    void *user;
    unsigned long current, event, atr_length;
    unsigned char atr[33];
} reader_state;

enum { ESTABLISH, RELEASE, LIST, WAIT, CONNECT, RECONNECT, DISCONNECT, BEGIN, END, STATUS, TRANSMIT, CALLS };

uint32_t stub_code[CALLS], stub_times[CALLS], stub_calls[CALLS];
uint32_t stub_contexts, stub_cards, stub_transactions; /* open now */
uint32_t stub_share, stub_protocol = 2, stub_sent_protocol, stub_disposition = 99, stub_state = 0x10, stub_timeout;
uint32_t stub_command_length, stub_response_length;
uint32_t stub_passing; /* this many transmits pass before stub_times counts */
uint32_t stub_hold;    /* a transmit under way does not end before this is 0 */
unsigned char stub_command[65600], stub_response[65600];
char stub_readers[256] = "Stub Reader 00 00\0Stub Reader 01 00\0";
uint32_t stub_readers_length = 37, stub_growing;

static long answer(int call)
{
    stub_calls[call]++;
    if (stub_times[call] == 0)
        return 0;
    stub_times[call]--;
    return (long)stub_code[call];
}

long SCardEstablishContext(unsigned long scope, const void *a, const void *b, long *context)
{
    long code = answer(ESTABLISH);

    (void)scope, (void)a, (void)b;
    if (code == 0) {
        stub_contexts++;
        *context = 0x7ACE;
    }
    return code;
}

long SCardReleaseContext(long context)
{
    if (context != 0x7ACE)
        return 0x80100003L;
    stub_contexts--;
    return answer(RELEASE);
}

long SCardListReaders(long context, const char *groups, char *names, unsigned long *length)
{
    long code = answer(LIST);

    (void)context, (void)groups;
    if (code != 0)
        return code;
    if (names != NULL && (stub_growing || *length < stub_readers_length))
        return 0x80100008L;
    if (names != NULL)
        memcpy(names, stub_readers, stub_readers_length);
    *length = stub_readers_length;
    return 0;
}

/* The card comes or goes (0x20) after the first look. */
long SCardGetStatusChange(long context, unsigned long timeout, reader_state *state, unsigned long count)
{
    long code = answer(WAIT);

    (void)context, (void)count;
    stub_timeout = (uint32_t)timeout;
    if (code != 0)
        return code;
    if (state->current != 0)
        stub_state ^= 0x20;
    state->event = stub_state | 0x02;
    return 0;
}

long SCardCancel(long context)
{
    (void)context;
    return 0;
}

long SCardConnect(long context, const char *reader, unsigned long share, unsigned long protocols, long *card,
                  unsigned long *protocol)
{
    long code = answer(CONNECT);

    (void)context, (void)reader, (void)protocols;
    if (code == 0) {
        stub_cards++;
        stub_share = (uint32_t)share;
        *card = -2;
        *protocol = stub_protocol;
    }
    return code;
}

long SCardReconnect(long card, unsigned long share, unsigned long protocols, unsigned long initialization,
                    unsigned long *protocol)
{
    (void)card, (void)share, (void)protocols, (void)initialization;
    *protocol = stub_protocol;
    return answer(RECONNECT);
}

long SCardDisconnect(long card, unsigned long disposition)
{
    if (card != -2)
        return 0x80100003L;
    stub_cards--;
    stub_disposition = (uint32_t)disposition;
    return answer(DISCONNECT);
}

long SCardBeginTransaction(long card)
{
    long code = answer(BEGIN);

    (void)card;
    stub_transactions += code == 0;
    return code;
}

long SCardEndTransaction(long card, unsigned long disposition)
{
    (void)card, (void)disposition;
    stub_transactions--;
    return answer(END);
}

long SCardStatus(long card, char *reader, unsigned long *reader_length, unsigned long *state, unsigned long *protocol,
                 unsigned char *atr, unsigned long *atr_length)
{
    static const unsigned char bytes[] = {0x3B, 0x02, 0x62, 0x02};

    (void)card, (void)reader, (void)reader_length, (void)state, (void)protocol;
    memcpy(atr, bytes, sizeof bytes);
    *atr_length = sizeof bytes;
    return answer(STATUS);
}

long SCardTransmit(long card, const unsigned long *request, const unsigned char *command, unsigned long length,
                   void *receive, unsigned char *response, unsigned long *response_length)
{
    long code = 0;

    (void)card, (void)receive;
    if (stub_passing > 0)
        stub_calls[TRANSMIT]++, stub_passing--;
    else
        code = answer(TRANSMIT);
    while (*(volatile uint32_t *)&stub_hold)
        continue;
    stub_sent_protocol = (uint32_t)request[0];
    stub_command_length = (uint32_t)length;
    memcpy(stub_command, command, length);
    if (code != 0)
        return code;
    if (stub_response_length > *response_length)
        return 0x80100008L;
    memcpy(response, stub_response, stub_response_length);
    *response_length = stub_response_length;
    return 0;
}

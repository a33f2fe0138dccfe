/* SPDX-License-Identifier: Apache-2.0
 * A libpcsclite that the tests hold in their hands: sixteen slots, with the manners of PC/SC that a virtual reader never shows.
 *
 * Its variables are set and read from the test. Each call fails with stub_code for stub_times times where the two are set for
 * it, after stub_pass calls went well. Without more it answers every command with stub_response; functions of the test's may
 * take its place: stub_card is the card (stub_power what becomes of its power), stub_hook sees each call before it is done and
 * may answer it, stub_control is the reader's own. They are called without the lock, so that they may reset or pull a card. */
#include <pthread.h>
#include <stdint.h>
#include <string.h>

enum { SLOTS = 16, HANDLES = 64, FIRST_HANDLE = -2, T0 = 1, EXCLUSIVE = 1, HEADER = 5 };

enum {
    NO_HANDLE = 0x80100003,
    INVALID_PARAMETER = 0x80100004,
    INSUFFICIENT_BUFFER = 0x80100008,
    UNKNOWN_READER = 0x80100009,
    SHARING_VIOLATION = 0x8010000B,
    NO_SMARTCARD = 0x8010000C,
    NOT_TRANSACTED = 0x80100016,
    RESET_CARD = 0x80100068,
    REMOVED_CARD = 0x80100069,
};

typedef struct {
    const char *reader;
    void *user;
    unsigned long current, event, atr_length;
    unsigned char atr[33];
} reader_state;

enum { ESTABLISH, RELEASE, LIST, WAIT, CONNECT, RECONNECT, DISCONNECT, BEGIN, END, STATUS, TRANSMIT, CONTROL, CALLS };

uint32_t stub_code[CALLS], stub_times[CALLS], stub_calls[CALLS], stub_pass[CALLS];
uint32_t stub_contexts, stub_cards, stub_transactions; /* open now */
uint32_t stub_share, stub_protocol = 2, stub_sent_protocol, stub_disposition = 99, stub_state = 0x10, stub_timeout;
uint32_t stub_command_length, stub_response_length, stub_control_code;
uint32_t stub_hold;  /* a transmit under way does not end before this is 0 */
uint32_t stub_limit; /* the longest command in bytes that the reader takes, and answer less 3; 0: any */
uint32_t stub_limit_code = INSUFFICIENT_BUFFER;
uint32_t stub_clock; /* milliseconds of a clock that only the test moves */
uint32_t stub_idle;  /* a card left idle in a transaction for so long is reset, as Windows does after 5 s; 0: never */
unsigned char stub_command[65600], stub_response[65600];
unsigned char stub_atr[33] = {0x3B, 0x02, 0x62, 0x02};
uint32_t stub_atr_length = 4;
uint32_t stub_tells_atr; /* not 0: a look at a slot tells the answer to reset too */
char stub_readers[512] = "Stub Reader 00 00\0Stub Reader 01 00\0";
uint32_t stub_readers_length = 37, stub_growing;

uint32_t (*stub_card)(uint32_t slot, const uint8_t *command, uint32_t length, uint8_t *response, uint32_t *size);
void (*stub_power)(uint32_t slot, uint32_t disposition);
uint32_t (*stub_hook)(uint32_t call, uint32_t slot);
uint32_t (*stub_control)(uint32_t slot, uint32_t code, const uint8_t *in, uint32_t length, uint8_t *out, uint32_t *size);

typedef struct {
    int used, slot, exclusive;
    uint32_t lost; /* what PC/SC answers until the card is connected anew */
} connection;

static connection connections[HANDLES];
static struct {
    int absent, owner, depth;
    uint32_t touched, moved; /* moved: how often a card came or went */
} slots[SLOTS]; /* owner: 1 + the connection in a transaction */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t freed = PTHREAD_COND_INITIALIZER;

static long answer(int call, int slot)
{
    uint32_t code = stub_hook != NULL && slot >= 0 ? stub_hook((uint32_t)call, (uint32_t)slot) : 0;

    stub_calls[call]++;
    if (code != 0)
        return (long)code;
    if (stub_pass[call] > 0) {
        stub_pass[call]--;
        return 0;
    }
    if (stub_times[call] == 0)
        return 0;
    stub_times[call]--;
    return (long)stub_code[call];
}

static connection *of(long card)
{
    long index = FIRST_HANDLE - card;

    return index >= 0 && index < HANDLES && connections[index].used ? &connections[index] : NULL;
}

static int slot_of(long card)
{
    const connection *one = of(card);

    return one == NULL ? -1 : one->slot;
}

static int mine(const connection *one)
{
    return slots[one->slot].owner == one - connections + 1;
}

static void let_go(int slot)
{
    if (slots[slot].owner != 0)
        stub_transactions--;
    slots[slot].owner = slots[slot].depth = 0;
    pthread_cond_broadcast(&freed);
}

/* As pcsc-lite does it: what happened last is all that is told, so a reset hides that the card was exchanged before. */
static void lose(int slot, uint32_t code)
{
    for (int i = 0; i < HANDLES; i++)
        if (connections[i].used && connections[i].slot == slot)
            connections[i].lost = code;
    let_go(slot);
}

static void power(int slot, uint32_t disposition)
{
    if (stub_power != NULL && disposition != 0)
        stub_power((uint32_t)slot, disposition);
}

/* What somebody else does: another program resets the card, a person pulls it or puts one in. */
void stub_reset(uint32_t slot)
{
    pthread_mutex_lock(&lock);
    lose((int)slot, RESET_CARD);
    pthread_mutex_unlock(&lock);
    power((int)slot, 1);
}

void stub_remove(uint32_t slot)
{
    pthread_mutex_lock(&lock);
    slots[slot].absent = 1;
    slots[slot].moved++;
    lose((int)slot, REMOVED_CARD);
    pthread_mutex_unlock(&lock);
    power((int)slot, 2);
}

void stub_insert(uint32_t slot)
{
    slots[slot].absent = 0;
    slots[slot].moved++;
    power((int)slot, 1);
}

/* A call on a card begins: what has become of it meanwhile? */
static long touch(int call, long card)
{
    int slot = slot_of(card);
    long code = answer(call, slot);
    int idle;

    if (code != 0 || slot < 0)
        return code;
    pthread_mutex_lock(&lock);
    idle = slots[slot].owner != 0 && stub_idle != 0 && stub_clock - slots[slot].touched >= stub_idle;
    if (idle)
        lose(slot, RESET_CARD);
    slots[slot].touched = stub_clock;
    code = (long)of(card)->lost;
    pthread_mutex_unlock(&lock);
    if (idle)
        power(slot, 1);
    return code;
}

long SCardEstablishContext(unsigned long scope, const void *a, const void *b, long *context)
{
    long code = answer(ESTABLISH, -1);

    (void)scope, (void)a, (void)b;
    if (code == 0) {
        __atomic_add_fetch(&stub_contexts, 1, __ATOMIC_SEQ_CST);
        *context = 0x7ACE;
    }
    return code;
}

long SCardReleaseContext(long context)
{
    if (context != 0x7ACE)
        return NO_HANDLE;
    __atomic_sub_fetch(&stub_contexts, 1, __ATOMIC_SEQ_CST);
    return answer(RELEASE, -1);
}

long SCardListReaders(long context, const char *groups, char *names, unsigned long *length)
{
    long code = answer(LIST, -1);

    (void)context, (void)groups;
    if (code != 0)
        return code;
    if (names != NULL && (stub_growing || *length < stub_readers_length))
        return INSUFFICIENT_BUFFER;
    if (names != NULL)
        memcpy(names, stub_readers, stub_readers_length);
    *length = stub_readers_length;
    return 0;
}

static int named(const char *reader)
{
    int slot = 0;

    for (const char *name = stub_readers; *name != 0; name += strlen(name) + 1, slot++)
        if (strcmp(name, reader) == 0)
            return slot;
    return -1;
}

/* The card comes or goes (0x20) after the first look. */
long SCardGetStatusChange(long context, unsigned long timeout, reader_state *state, unsigned long count)
{
    long code = answer(WAIT, -1);
    int slot;

    (void)context, (void)count;
    stub_timeout = (uint32_t)timeout;
    if (code != 0)
        return code;
    if (state->current != 0)
        stub_state ^= 0x20;
    slot = named(state->reader);
    if (stub_tells_atr && slot >= 0) {
        memcpy(state->atr, stub_atr, stub_atr_length);
        state->atr_length = stub_atr_length;
    }
    state->event = stub_state | 0x02 | (slot < 0 ? 0 : (unsigned long)slots[slot].moved << 16);
    return 0;
}

long SCardCancel(long context)
{
    (void)context;
    return 0;
}

/* A place for one more connection; -1 where somebody has the card alone, or would not. */
static int place(int slot, int exclusive)
{
    int found = -1;

    for (int i = HANDLES - 1; i >= 0; i--) {
        if (!connections[i].used)
            found = i;
        else if (connections[i].slot == slot && connections[i].lost == 0 && (exclusive || connections[i].exclusive))
            return -1;
    }
    return found;
}

long SCardConnect(long context, const char *reader, unsigned long share, unsigned long protocols, long *card,
                  unsigned long *protocol)
{
    int slot = named(reader), index;
    long code = slot < 0 ? UNKNOWN_READER : answer(CONNECT, slot);

    (void)context, (void)protocols;
    if (code != 0 || slots[slot].absent)
        return code != 0 ? code : NO_SMARTCARD;
    pthread_mutex_lock(&lock);
    index = place(slot, share == EXCLUSIVE);
    if (index >= 0) {
        connections[index] = (connection){1, slot, share == EXCLUSIVE, 0};
        stub_cards++;
        stub_share = (uint32_t)share;
    }
    pthread_mutex_unlock(&lock);
    if (index < 0)
        return SHARING_VIOLATION;
    *card = FIRST_HANDLE - index;
    *protocol = stub_protocol;
    return 0;
}

long SCardReconnect(long card, unsigned long share, unsigned long protocols, unsigned long initialization,
                    unsigned long *protocol)
{
    connection *one = of(card);
    long code = answer(RECONNECT, slot_of(card));

    (void)share, (void)protocols;
    *protocol = stub_protocol;
    if (code != 0 || one == NULL)
        return code;
    if (slots[one->slot].absent)
        return NO_SMARTCARD;
    one->lost = 0;
    power(one->slot, (uint32_t)initialization);
    return 0;
}

long SCardDisconnect(long card, unsigned long disposition)
{
    connection *one = of(card);
    int slot = slot_of(card);

    if (one == NULL)
        return NO_HANDLE;
    pthread_mutex_lock(&lock);
    if (mine(one))
        let_go(slot);
    if (disposition != 0 && one->lost == 0)
        lose(slot, RESET_CARD);
    one->used = 0;
    stub_cards--;
    stub_disposition = (uint32_t)disposition;
    pthread_mutex_unlock(&lock);
    power(slot, (uint32_t)disposition);
    return answer(DISCONNECT, slot);
}

long SCardBeginTransaction(long card)
{
    long code = touch(BEGIN, card);
    connection *one = of(card);

    if (code != 0 || one == NULL)
        return code;
    pthread_mutex_lock(&lock);
    while (slots[one->slot].owner != 0 && !mine(one))
        pthread_cond_wait(&freed, &lock);
    code = (long)one->lost;
    if (code == 0) {
        stub_transactions += slots[one->slot].owner == 0;
        slots[one->slot].owner = (int)(one - connections) + 1;
        slots[one->slot].depth++;
        slots[one->slot].touched = stub_clock;
    }
    pthread_mutex_unlock(&lock);
    return code;
}

long SCardEndTransaction(long card, unsigned long disposition)
{
    long code = touch(END, card);
    connection *one = of(card);

    (void)disposition;
    if (one == NULL)
        return code;
    pthread_mutex_lock(&lock);
    if (mine(one) && --slots[one->slot].depth == 0)
        let_go(one->slot);
    else if (code == 0 && !mine(one))
        code = NOT_TRANSACTED;
    pthread_mutex_unlock(&lock);
    return code;
}

long SCardStatus(long card, char *reader, unsigned long *reader_length, unsigned long *state, unsigned long *protocol,
                 unsigned char *atr, unsigned long *atr_length)
{
    long code = touch(STATUS, card);

    (void)reader, (void)reader_length, (void)state, (void)protocol;
    if (code != 0)
        return code;
    memcpy(atr, stub_atr, stub_atr_length);
    *atr_length = stub_atr_length;
    return 0;
}

/* T=0: a header of five bytes; behind it P3 bytes, or none; never a Le behind data (ISO/IEC 7816-3:2006, 12.2). */
static int sound_t0(const unsigned char *command, unsigned long length)
{
    return length == HEADER || (length > HEADER && length == HEADER + (unsigned long)command[4]);
}

static long refuse(long card, const unsigned char *command, unsigned long length)
{
    const connection *one = of(card);

    if (stub_limit != 0 && length > stub_limit)
        return (long)stub_limit_code;
    if (stub_protocol == T0 && one != NULL && !sound_t0(command, length))
        return INVALID_PARAMETER;
    return one != NULL && slots[one->slot].owner != 0 && !mine(one) ? SHARING_VIOLATION : 0;
}

static long play(long card, const unsigned char *command, unsigned long length, unsigned char *response,
                 unsigned long *response_length)
{
    const connection *one = of(card);
    uint32_t size = (uint32_t)*response_length;
    long code = one == NULL ? 0 : (long)one->lost;

    if (code != 0)
        return code;
    if (stub_card == NULL || one == NULL) {
        if (stub_response_length > size)
            return INSUFFICIENT_BUFFER;
        memcpy(response, stub_response, stub_response_length);
        *response_length = stub_response_length;
        return 0;
    }
    code = (long)stub_card((uint32_t)one->slot, command, (uint32_t)length, response, &size);
    *response_length = size;
    if (code == 0 && stub_limit != 0 && size > stub_limit - 3)
        code = INSUFFICIENT_BUFFER;
    slots[one->slot].touched = stub_clock; /* the card was at work, however long it took */
    return code != 0 ? code : (long)one->lost;
}

long SCardTransmit(long card, const unsigned long *request, const unsigned char *command, unsigned long length,
                   void *receive, unsigned char *response, unsigned long *response_length)
{
    long code = touch(TRANSMIT, card);

    (void)receive;
    while (*(volatile uint32_t *)&stub_hold)
        continue;
    stub_sent_protocol = (uint32_t)request[0];
    stub_command_length = (uint32_t)length;
    memcpy(stub_command, command, length);
    if (code == 0)
        code = refuse(card, command, length);
    return code != 0 ? code : play(card, command, length, response, response_length);
}

long SCardControl(long card, unsigned long control, const void *in, unsigned long length, void *out,
                  unsigned long capacity, unsigned long *returned)
{
    long code = touch(CONTROL, card);
    uint32_t size = (uint32_t)capacity;

    *returned = 0;
    stub_control_code = (uint32_t)control;
    if (code == 0 && of(card) != NULL && slots[slot_of(card)].owner != 0 && !mine(of(card)))
        return SHARING_VIOLATION;
    if (code == 0 && stub_control == NULL)
        return NOT_TRANSACTED; /* as a driver without it answers */
    if (code == 0)
        code = (long)stub_control((uint32_t)slot_of(card), (uint32_t)control, in, (uint32_t)length, out, &size);
    if (code == 0) {
        *returned = size;
        code = of(card) == NULL ? 0 : (long)of(card)->lost;
    }
    return code;
}

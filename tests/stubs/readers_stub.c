/* SPDX-License-Identifier: Apache-2.0
 * A libpcsclite whose readers come and go as the test says, from any thread: world_plug, world_unplug, world_card, world_service.
 * It waits, cancels and counts as pcsc-lite does: a cancellation that finds nobody waiting is forgotten; a slot counts each card
 * that comes or goes, from 0 when its reader is plugged in; when the service stops, contexts are worth nothing any more. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { READERS = 32, NAME = 64, CONTEXTS = 64 };
enum { CHANGED = 2, UNKNOWN = 4, UNAVAILABLE = 8, EMPTY = 0x10, PRESENT = 0x20, IN_USE = 0x100, MUTE = 0x200 };

typedef struct {
    const char *reader;
    void *user;
    unsigned long current, event, atr_length;
    unsigned char atr[33];
} reader_state;

static struct {
    char name[NAME];
    unsigned long state, counter;
    unsigned char atr[33];
    unsigned long atr_length;
} readers[READERS];

static struct {
    long handle;
    int waiting, cancelled;
} contexts[CONTEXTS];

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t change = PTHREAD_COND_INITIALIZER;
static uint32_t up = 1, generation = 1, list_version, serial;

/* for the test to set */
uint32_t world_notification = 1;        /* \\?PnP?\Notification is 0: unknown (macOS); else its high word holds 1: nothing
                                           (pcsc-lite before 2.3.0), 2: how many readers there are (Windows), 3: how often
                                           readers came or went (pcsc-lite from 2.3.0) */
uint32_t world_lost_code = 0x8010001D;  /* what a context of a former service answers */
uint32_t world_pause;                   /* microseconds between the call of SCardGetStatusChange and its waiting */
uint32_t world_most = 16;               /* slots in one call */
uint32_t world_endless;                 /* whether waits know no time limit: they end by a change, or cancelled */
uint32_t world_busy;                    /* how many connections are still refused, for another program has the card */
uint32_t world_fail;                    /* what SCardGetStatusChange answers, unless 0 */
int (*world_transmit)(const char *reader, const unsigned char *command, unsigned long length, unsigned char *response);

/* for the test to read */
uint32_t world_contexts, world_waiting, world_forgotten, world_cards, world_waits;

/* how often each call was made */
uint32_t world_calls_establish, world_calls_release, world_calls_list, world_calls_look, world_calls_connect, world_calls_reconnect,
    world_calls_disconnect, world_calls_begin, world_calls_end, world_calls_status, world_calls_transmit, world_calls_control;

#define CALLED(call) __atomic_add_fetch(&world_calls_##call, 1, __ATOMIC_SEQ_CST)

#define LOCKED(statements)          \
    do {                            \
        pthread_mutex_lock(&lock);  \
        statements;                 \
        pthread_cond_broadcast(&change); \
        pthread_mutex_unlock(&lock); \
    } while (0)

static int find(const char *name)
{
    for (int i = 0; i < READERS; i++)
        if (strcmp(readers[i].name, name) == 0)
            return i;
    return -1;
}

static void put(int i, uint32_t state, const unsigned char *atr, uint32_t length)
{
    readers[i].state = state;
    readers[i].atr_length = length;
    if (length > 0)
        memcpy(readers[i].atr, atr, length);
}

void world_plug(const char *name, uint32_t state, const unsigned char *atr, uint32_t length)
{
    LOCKED({
        int i = find("");
        strncpy(readers[i].name, name, NAME - 1);
        readers[i].counter = 0;
        put(i, state, atr, length);
        list_version++;
    });
}

void world_unplug(const char *name)
{
    LOCKED({
        readers[find(name)].name[0] = 0;
        list_version++;
    });
}

/* `steps`: how many cards came and went, this one included. */
void world_card(const char *name, uint32_t state, const unsigned char *atr, uint32_t length, uint32_t steps)
{
    LOCKED({
        int i = find(name);
        put(i, state, atr, length);
        readers[i].counter = (readers[i].counter + steps) & 0xFFFF;
    });
}

void world_service(uint32_t runs)
{
    LOCKED({
        up = runs;
        generation += !runs;
        for (int i = 0; i < READERS; i++)
            readers[i].counter = 0;
    });
}

static int valid(long context)
{
    return up && context >> 16 == (long)generation;
}

static int slot_of(long context)
{
    for (int i = 0; i < CONTEXTS; i++)
        if (contexts[i].handle == context)
            return i;
    return -1;
}

long SCardEstablishContext(unsigned long scope, const void *a, const void *b, long *context)
{
    CALLED(establish);
    long code = 0x8010001D;

    (void)scope, (void)a, (void)b;
    LOCKED({
        int i = slot_of(0);
        if (up && i >= 0) {
            *context = contexts[i].handle = (long)(generation << 16 | (serial++ & 0xFFFF));
            contexts[i].waiting = contexts[i].cancelled = 0;
            world_contexts++;
            code = 0;
        }
    });
    return code;
}

long SCardReleaseContext(long context)
{
    CALLED(release);
    long code = 0x80100003;

    LOCKED({
        int i = slot_of(context);
        if (i >= 0 && context != 0) {
            contexts[i].handle = 0;
            world_contexts--;
            code = valid(context) ? 0 : (long)world_lost_code;
        }
    });
    return code;
}

static long list(char *names, unsigned long *length)
{
    unsigned long used = 0;

    for (int i = 0; i < READERS; i++) {
        unsigned long size = strlen(readers[i].name) + 1;
        if (size == 1)
            continue;
        if (names != NULL && used + size + 1 > *length)
            return 0x80100008;
        if (names != NULL)
            memcpy(names + used, readers[i].name, size);
        used += size;
    }
    if (used == 0)
        return 0x8010002E;
    if (names != NULL)
        names[used] = 0;
    *length = used + 1;
    return 0;
}

long SCardListReaders(long context, const char *groups, char *names, unsigned long *length)
{
    CALLED(list);
    long code;

    (void)groups;
    LOCKED(code = valid(context) ? list(names, length) : (long)world_lost_code);
    return code;
}

static int is_notification(const reader_state *state)
{
    return strcmp(state->reader, "\\\\?PnP?\\Notification") == 0;
}

static int notifies(reader_state *state, uint32_t since)
{
    unsigned long known = state->current >> 16, count = 0;
    int changed = list_version != since;

    if (world_notification == 0) {
        state->event = UNKNOWN | CHANGED;
        return 1;
    }
    for (int i = 0; i < READERS; i++)
        count += readers[i].name[0] != 0;
    if (world_notification == 2)
        changed |= known != count;
    if (world_notification == 3 && known != 0)
        changed |= known != list_version;
    state->event = (changed ? CHANGED : 0) | (world_notification == 2 ? count : world_notification == 3 ? list_version : 0) << 16;
    return changed;
}

/* Fills in one state; gives whether that ends the wait. */
static int differs(reader_state *state, uint32_t since)
{
    int i = find(state->reader);
    unsigned long shown = EMPTY | PRESENT | MUTE | IN_USE | UNAVAILABLE;
    int changed;

    if (is_notification(state))
        return notifies(state, since);
    if (i < 0) {
        state->event = UNKNOWN | UNAVAILABLE | CHANGED;
        return 1;
    }
    changed = state->current == 0 || ((state->current ^ readers[i].state) & shown) != 0
        || (state->current >> 16 != 0 && state->current >> 16 != readers[i].counter);
    state->event = readers[i].state | readers[i].counter << 16 | (changed ? CHANGED : 0);
    state->atr_length = readers[i].atr_length;
    memcpy(state->atr, readers[i].atr, sizeof state->atr);
    return changed;
}

static long look(reader_state *states, unsigned long count, uint32_t since)
{
    int changed = 0;

    for (unsigned long i = 0; i < count; i++)
        changed |= differs(&states[i], since);
    return changed ? 0 : 0x8010000A;
}

static long wait(long context, unsigned long nap, const struct timespec *end, reader_state *states, unsigned long count)
{
    int slot = slot_of(context), late;
    uint32_t since = list_version;
    long code;

    for (unsigned long i = 0; i < count; i++)
        if (find(states[i].reader) < 0 && !is_notification(&states[i]))
            return 0x80100009;
    late = nap == 0;
    for (;;) {
        if (!valid(context))
            return (long)world_lost_code;
        code = look(states, count, since);
        if (code == 0 || late)
            return code;
        contexts[slot].waiting = 1;
        world_waiting++;
        late = (world_endless ? pthread_cond_wait(&change, &lock) : pthread_cond_timedwait(&change, &lock, end)) != 0;
        world_waiting--;
        contexts[slot].waiting = 0;
        if (contexts[slot].cancelled) {
            contexts[slot].cancelled = 0;
            return 0x80100002;
        }
    }
}

long SCardGetStatusChange(long context, unsigned long timeout, reader_state *states, unsigned long count)
{
    CALLED(look);
    struct timespec end;
    long code;

    if (timeout > 0 && world_pause > 0)
        usleep(world_pause);
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_nsec += (long)(timeout % 1000) * 1000000;
    end.tv_sec += (time_t)(timeout / 1000) + end.tv_nsec / 1000000000;
    end.tv_nsec %= 1000000000;
    if (count > world_most)
        return 0x80100004;
    if (world_fail != 0)
        return (long)world_fail;
    pthread_mutex_lock(&lock);
    world_waits += timeout > 0;
    code = wait(context, timeout, &end, states, count);
    pthread_mutex_unlock(&lock);
    return code;
}

long SCardCancel(long context)
{
    LOCKED({
        int i = slot_of(context);
        if (i >= 0 && contexts[i].waiting)
            contexts[i].cancelled = 1;
        else
            world_forgotten++;
    });
    return 0;
}

long SCardConnect(long context, const char *reader, unsigned long share, unsigned long protocols, long *card,
                  unsigned long *protocol)
{
    CALLED(connect);
    long code = 0;

    (void)share, (void)protocols;
    LOCKED({
        int i = find(reader);
        if (!valid(context))
            code = (long)world_lost_code;
        else if (i < 0)
            code = 0x80100009;
        else if (readers[i].state & MUTE)
            code = 0x80100066;
        else if (!(readers[i].state & PRESENT))
            code = 0x8010000C;
        else if (world_busy > 0) {
            world_busy--;
            code = 0x8010000B;
        } else {
            *card = i + 1;
            *protocol = 2;
            world_cards++;
        }
    });
    return code;
}

long SCardReconnect(long card, unsigned long share, unsigned long protocols, unsigned long initialization,
                    unsigned long *protocol)
{
    CALLED(reconnect);
    (void)card, (void)share, (void)protocols, (void)initialization;
    *protocol = 2;
    return 0;
}

long SCardDisconnect(long card, unsigned long disposition)
{
    CALLED(disconnect);
    (void)card, (void)disposition;
    LOCKED(world_cards--);
    return 0;
}

long SCardBeginTransaction(long card)
{
    CALLED(begin);
    (void)card;
    return 0;
}

long SCardEndTransaction(long card, unsigned long disposition)
{
    CALLED(end);
    (void)card, (void)disposition;
    return 0;
}

long SCardStatus(long card, char *reader, unsigned long *reader_length, unsigned long *state, unsigned long *protocol,
                 unsigned char *atr, unsigned long *atr_length)
{
    CALLED(status);
    (void)reader, (void)reader_length, (void)state, (void)protocol;
    LOCKED({
        memcpy(atr, readers[card - 1].atr, sizeof readers[card - 1].atr);
        *atr_length = readers[card - 1].atr_length;
    });
    return 0;
}

long SCardTransmit(long card, const void *request, const unsigned char *command, unsigned long length, void *receive,
                   unsigned char *response, unsigned long *response_length)
{
    CALLED(transmit);
    char name[NAME];
    int present, size;

    (void)request, (void)receive;
    LOCKED(present = (readers[card - 1].state & PRESENT) != 0; memcpy(name, readers[card - 1].name, NAME));
    if (!present)
        return 0x80100069;
    size = world_transmit(name, command, length, response);
    if (size < 0)
        return 0x80100016;
    *response_length = (unsigned long)size;
    return 0;
}

long SCardControl(long card, unsigned long control, const void *sent, unsigned long length, void *received,
                  unsigned long capacity, unsigned long *returned)
{
    CALLED(control);
    (void)card, (void)control, (void)sent, (void)length, (void)received, (void)capacity;
    *returned = 0;
    return 0x80100022; /* SCARD_E_UNSUPPORTED_FEATURE */
}

long SCardGetAttrib(long card, unsigned long attribute, unsigned char *value, unsigned long *length)
{
    (void)card, (void)attribute, (void)value, (void)length;
    return 0x80100022;
}

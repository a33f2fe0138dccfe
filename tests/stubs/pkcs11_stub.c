/* SPDX-License-Identifier: Apache-2.0
 * A PKCS#11 module that the tests hold in their hands, and that lies as told: one slot, one token with one certificate and one
 * private key. Its variables are set and read from the test; each call fails with stub_code for stub_times times. */
#include <stdint.h>
#include <string.h>

typedef unsigned long ulong;
typedef unsigned char octet;
typedef struct { octet major, minor; } version;
typedef struct { octet description[64], manufacturer[32]; ulong flags; version hardware, firmware; } slot_info;
typedef struct {
    octet label[32], manufacturer[32], model[16], serial[16];
    ulong flags, sessions[4], pin_maximum, pin_minimum, memory[4];
    version hardware, firmware;
    octet time[16];
} token_info;
typedef struct { ulong slot, state, flags, error; } session_info;
typedef struct { ulong type; void *value; ulong length; } attribute;
typedef struct { ulong mechanism; void *parameter; ulong length; } mechanism;
typedef struct { void *mutex[4]; ulong flags; void *reserved; } arguments;

enum {
    INITIALIZE, FINALIZE, SLOTS, SLOT, TOKEN, MECHANISMS, OPEN, CLOSE, SESSION, LOGIN, LOGOUT, FIND_INIT, FIND, FIND_FINAL,
    ATTRIBUTE, SIGN_INIT, SIGN, DECRYPT_INIT, DECRYPT, SET_PIN, INIT_PIN, CALLS
};

enum { ROOM = 40000, HANDLE = 7, CERTIFICATE = 11, KEY = 12 };

ulong stub_code[CALLS], stub_times[CALLS], stub_calls[CALLS], stub_passing[CALLS];
ulong stub_initialised, stub_sessions, stub_inside, stub_overlaps, stub_arguments; /* now */
ulong stub_state, stub_user = 99;                                /* who is logged in: 0 nobody, else a state of 2.40 */
ulong stub_flags = 0x40C, stub_pin_minimum = 4, stub_pin_maximum = 12;
octet stub_label[32] = "UZI-pas                         ", stub_serial[16] = "0001            ";
ulong stub_slots = 1, stub_slots_fetched = 1, stub_growing;
ulong stub_mechanisms = 4, stub_mechanism[4] = {0x1, 0x3, 0xD, 0x1041};
ulong stub_objects = 1, stub_told;                               /* objects of a kind; told: FindObjects says this many */
ulong stub_lie_type = 0xFFFFFFFF, stub_lie_length;               /* of this attribute the length told is a lie */
octet stub_certificate[ROOM], stub_modulus[ROOM], stub_identifier[ROOM] = {0x45};
ulong stub_certificate_length, stub_modulus_length, stub_identifier_length = 1, stub_key_type, stub_always;
octet stub_output[ROOM];
ulong stub_output_length = 256;
octet stub_pin[512], stub_input[ROOM];
ulong stub_pin_length, stub_input_length, stub_used_mechanism, stub_session_flags;
uintptr_t stub_pin_pointer, stub_new_pointer;
ulong stub_wrong;                                                /* presented PINs are answered CKR_PIN_INCORRECT */
static ulong searched[64], left[64], next; /* by session */

static ulong answer(int call)
{
    stub_calls[call]++;
    if (stub_passing[call] > 0)
        stub_passing[call]--;
    else if (stub_times[call] > 0) {
        stub_times[call]--;
        return stub_code[call];
    }
    return 0;
}

static ulong initialize(arguments *given)
{
    ulong rv = answer(INITIALIZE);

    stub_arguments = given->flags;
    if (rv == 0)
        stub_initialised++;
    return rv;
}

static ulong finalize(void *reserved)
{
    (void)reserved;
    stub_initialised--;
    stub_sessions = 0;
    return answer(FINALIZE);
}

static ulong slots(octet present, ulong *list, ulong *count)
{
    ulong rv = answer(SLOTS);

    (void)present;
    if (rv != 0)
        return rv;
    if (list == NULL) {
        *count = stub_slots;
        return 0;
    }
    if (stub_growing) {
        *count += 1;
        return 0x150;
    }
    for (ulong i = 0; i < *count; i++)
        list[i] = i;
    *count = stub_slots_fetched;
    return 0;
}

static ulong slot(ulong number, slot_info *info)
{
    (void)number;
    memset(info, 0, sizeof *info);
    memset(info->description, ' ', sizeof info->description);
    memcpy(info->description, "Stub Reader", 11);
    return answer(SLOT);
}

static ulong token(ulong number, token_info *info)
{
    (void)number;
    memset(info, ' ', sizeof *info);
    memcpy(info->label, stub_label, sizeof stub_label);
    memcpy(info->serial, stub_serial, sizeof stub_serial);
    info->flags = stub_flags;
    info->pin_minimum = stub_pin_minimum;
    info->pin_maximum = stub_pin_maximum;
    return answer(TOKEN);
}

static ulong mechanisms(ulong number, ulong *list, ulong *count)
{
    ulong rv = answer(MECHANISMS);

    (void)number;
    if (list != NULL)
        for (ulong i = 0; i < *count; i++)
            list[i] = stub_mechanism[i % 4];
    *count = stub_mechanisms;
    return rv;
}

static ulong open_session(ulong number, ulong flags, void *a, void *b, ulong *session)
{
    ulong rv = answer(OPEN);

    (void)number, (void)a, (void)b;
    stub_session_flags = flags;
    if (rv == 0) {
        stub_sessions++;
        *session = HANDLE + next++ % 32;
    }
    return rv;
}

static ulong close_session(ulong session)
{
    (void)session;
    if (stub_sessions > 0)
        stub_sessions--;
    stub_state = 0;
    return answer(CLOSE);
}

static ulong session(ulong number, session_info *info)
{
    (void)number;
    memset(info, 0, sizeof *info);
    info->state = stub_state;
    return answer(SESSION);
}

static ulong present(const octet *pin, ulong length)
{
    stub_pin_pointer = (uintptr_t)pin;
    stub_pin_length = length;
    if (pin != NULL && length <= sizeof stub_pin)
        memcpy(stub_pin, pin, length);
    return stub_wrong ? 0xA0 : 0;
}

static ulong login(ulong number, ulong user, const octet *pin, ulong length)
{
    ulong rv = answer(LOGIN);

    (void)number;
    if (rv == 0)
        rv = present(pin, length);
    stub_user = user;
    if (rv == 0 && user < 2)
        stub_state = user == 0 ? 4 : 3;
    return rv;
}

static ulong logout(ulong number)
{
    (void)number;
    stub_state = 0;
    return answer(LOGOUT);
}

static ulong find_init(ulong number, attribute *template, ulong count)
{
    ulong rv = answer(FIND_INIT);

    (void)count;
    searched[number % 64] = *(ulong *)template->value == 1 ? CERTIFICATE : KEY;
    left[number % 64] = stub_objects;
    return rv;
}

static ulong find(ulong number, ulong *list, ulong room, ulong *count)
{
    ulong rv = answer(FIND), *of = &left[number % 64], given = *of < room ? *of : room;

    for (ulong i = 0; i < given; i++)
        list[i] = searched[number % 64];
    *of -= given;
    *count = stub_told ? stub_told : given;
    return rv;
}

static ulong find_final(ulong number)
{
    (void)number;
    return answer(FIND_FINAL);
}

static ulong give(attribute *wanted, const void *value, ulong length)
{
    ulong room = wanted->length;

    wanted->length = wanted->type == stub_lie_type ? stub_lie_length : length;
    if (length > room)
        return 0x150;
    memcpy(wanted->value, value, length);
    return 0;
}

static ulong attributes(ulong number, ulong object, attribute *wanted, ulong count)
{
    static const ulong zero = 0;
    ulong rv = answer(ATTRIBUTE);
    octet always = (octet)stub_always;

    (void)number, (void)object, (void)count;
    if (rv != 0)
        return rv;
    switch (wanted->type) {
    case 0x3: return give(wanted, "label", 5);
    case 0x11: return give(wanted, stub_certificate, stub_certificate_length);
    case 0x80: return give(wanted, &zero, sizeof zero);
    case 0x100: return give(wanted, &stub_key_type, sizeof stub_key_type);
    case 0x102: return give(wanted, stub_identifier, stub_identifier_length);
    case 0x120: return give(wanted, stub_modulus, stub_modulus_length);
    case 0x202: return give(wanted, &always, 1);
    default: wanted->length = ~0UL; return 0x12;
    }
}

static ulong begin(int call, mechanism *how)
{
    stub_used_mechanism = how->mechanism;
    return answer(call);
}

static ulong sign_init(ulong number, mechanism *how, ulong key)
{
    (void)number, (void)key;
    return begin(SIGN_INIT, how);
}

static ulong decrypt_init(ulong number, mechanism *how, ulong key)
{
    (void)number, (void)key;
    return begin(DECRYPT_INIT, how);
}

static ulong produce(int call, const octet *data, ulong size, octet *out, ulong *length)
{
    ulong rv, fits = stub_output_length < *length ? stub_output_length : *length;

    if (__atomic_add_fetch(&stub_inside, 1, __ATOMIC_SEQ_CST) > 1)
        stub_overlaps++;
    rv = answer(call);
    memcpy(stub_input, data, size < ROOM ? size : ROOM);
    stub_input_length = size;
    memcpy(out, stub_output, fits);
    *length = stub_output_length;
    __atomic_sub_fetch(&stub_inside, 1, __ATOMIC_SEQ_CST);
    return rv;
}

static ulong sign(ulong number, const octet *data, ulong size, octet *out, ulong *length)
{
    (void)number;
    return produce(SIGN, data, size, out, length);
}

static ulong decrypt(ulong number, const octet *data, ulong size, octet *out, ulong *length)
{
    (void)number;
    return produce(DECRYPT, data, size, out, length);
}

static ulong set_pin(ulong number, const octet *old, ulong old_length, const octet *pin, ulong length)
{
    ulong rv = answer(SET_PIN);

    (void)number, (void)length;
    stub_new_pointer = (uintptr_t)pin;
    return rv != 0 ? rv : present(old, old_length);
}

static ulong init_pin(ulong number, const octet *pin, ulong length)
{
    (void)number, (void)length;
    stub_new_pointer = (uintptr_t)pin;
    return answer(INIT_PIN);
}

struct list { version version; void *function[68]; };

struct list stub_list = {{2, 40}, {
    [0] = (void *)initialize, [1] = (void *)finalize, [4] = (void *)slots, [5] = (void *)slot, [6] = (void *)token,
    [7] = (void *)mechanisms, [10] = (void *)init_pin, [11] = (void *)set_pin, [12] = (void *)open_session,
    [13] = (void *)close_session, [15] = (void *)session, [18] = (void *)login, [19] = (void *)logout,
    [24] = (void *)attributes, [26] = (void *)find_init, [27] = (void *)find, [28] = (void *)find_final,
    [33] = (void *)decrypt_init, [34] = (void *)decrypt, [42] = (void *)sign_init, [43] = (void *)sign,
}};

ulong C_GetFunctionList(struct list **list)
{
    if (stub_list.version.major == 0)
        return 5;
    *list = stub_list.version.major == 255 ? NULL : &stub_list;
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0
 * An HSM that lies: a PKCS#11 module that passes everything on to the one that LIAR_MODULE names, except for what the test has
 * told it to answer otherwise. Its variables are set by the test. */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

typedef unsigned long ulong;
typedef unsigned char octet;
typedef struct { ulong type; void *value; ulong length; } attribute;
typedef ulong (*call_type)();
typedef struct { octet major, minor; call_type function[68]; } functions;

enum { LOGIN = 18, CREATE = 20, ATTRIBUTE = 24, FIND = 27, SIGN_INIT = 42, SIGN = 43, GENERATE = 58 };

ulong liar_code[68], liar_times[68], liar_calls[68]; /* by function: it answers this code so many times */
ulong liar_sign;        /* C_Sign: 1 flips a bit, 2 tells one octet less, 3 tells one more than there is room, 4 none */
ulong liar_attribute = ~0ul, liar_length, liar_octet; /* this attribute has another length, or is filled with this octet */
ulong liar_found;       /* C_FindObjects tells of so many */

static functions *real, ours;

static int fails(int call)
{
    liar_calls[call]++;
    if (liar_times[call] == 0)
        return 0;
    liar_times[call]--;
    return 1;
}

static ulong login(ulong session, ulong user, const octet *pin, ulong length)
{
    return fails(LOGIN) ? liar_code[LOGIN] : real->function[LOGIN](session, user, pin, length);
}

static ulong create(ulong session, attribute *template, ulong count, ulong *made)
{
    return fails(CREATE) ? liar_code[CREATE] : real->function[CREATE](session, template, count, made);
}

static ulong generate(ulong session, void *how, attribute *template, ulong count, ulong *made)
{
    return fails(GENERATE) ? liar_code[GENERATE] : real->function[GENERATE](session, how, template, count, made);
}

static ulong read_attribute(ulong session, ulong object, attribute *wanted, ulong count)
{
    if (fails(ATTRIBUTE))
        return liar_code[ATTRIBUTE];
    ulong rv = real->function[ATTRIBUTE](session, object, wanted, count);
    if (wanted->type == liar_attribute && rv == 0) {
        if (liar_length)
            wanted->length = liar_length;
        else
            memset(wanted->value, (int)liar_octet, wanted->length);
    }
    return rv;
}

static ulong find(ulong session, ulong *objects, ulong room, ulong *count)
{
    if (fails(FIND))
        return liar_code[FIND];
    ulong rv = real->function[FIND](session, objects, room, count);
    if (liar_found)
        *count = liar_found;
    return rv;
}

static ulong sign_init(ulong session, void *how, ulong key)
{
    return fails(SIGN_INIT) ? liar_code[SIGN_INIT] : real->function[SIGN_INIT](session, how, key);
}

static ulong sign(ulong session, const octet *data, ulong length, octet *signature, ulong *room)
{
    if (fails(SIGN))
        return liar_code[SIGN];
    ulong rv = real->function[SIGN](session, data, length, signature, room);
    if (liar_sign == 1)
        signature[*room / 2] ^= 1;
    else if (liar_sign == 2)
        *room -= 1;
    else if (liar_sign == 3)
        *room = 1025;
    else if (liar_sign == 4)
        *room = 0;
    return rv;
}

ulong C_GetFunctionList(functions **list)
{
    void *module = dlopen(getenv("LIAR_MODULE"), RTLD_NOW | RTLD_LOCAL);
    if (module == NULL)
        return 5;
    ulong (*get)(functions **) = (ulong (*)(functions **))dlsym(module, "C_GetFunctionList");
    ulong rv = get(&real);
    ours = *real;
    ours.function[LOGIN] = (call_type)login;
    ours.function[CREATE] = (call_type)create;
    ours.function[GENERATE] = (call_type)generate;
    ours.function[ATTRIBUTE] = (call_type)read_attribute;
    ours.function[FIND] = (call_type)find;
    ours.function[SIGN_INIT] = (call_type)sign_init;
    ours.function[SIGN] = (call_type)sign;
    *list = &ours;
    return rv;
}

/* SPDX-License-Identifier: Apache-2.0
 * pcsc.c built for the ABI of one platform, against a library of that platform's ABI (tests/stubs/pcsc_abi.c) at STUB; at OTHER
 * is one whose functions have other names. The build makes this program for Linux, macOS and Windows, and runs all on any. */
#include "harness.h"
#include "zc.h"

#include <dlfcn.h>

static zc_pcsc pcsc;
static uint64_t context;
static char names[64];

static uint32_t variable(const char *name)
{
    return *(uint32_t *)dlsym(pcsc.library, name);
}

static void the_stub_lays_out_its_states_as_published(void)
{
    uint32_t (*size)(void);
    void *symbol = dlsym(pcsc.library, "abi_state_size");

    memcpy(&size, &symbol, sizeof size);
    CHECK(size() != 0);
}

static void a_library_with_other_names_is_refused(void)
{
    zc_pcsc other;

    EQUAL(zc_pcsc_load(&other, OTHER), ZC_E_SYMBOL);
}

static void readers_are_listed(void)
{
    uint32_t length;

    EQUAL(zc_pcsc_list(&pcsc, context, NULL, 0, &length), 0);
    EQUAL(length, 35);
    EQUAL(zc_pcsc_list(&pcsc, context, names, 34, &length), 0x80100008);
    EQUAL(zc_pcsc_list(&pcsc, context, names, 35, &length), 0);
    CHECK(memcmp(names, "Reader with a card\0Reader without\0", 35) == 0);
}

static void the_states_of_several_readers_go_in_and_out(void)
{
    zc_pcsc_slot slots[2] = {{.reader = names}, {.reader = names + 19, .state = 0x30010}};
    zc_pcsc_slot many[ZC_PCSC_SLOTS_MAX + 1] = {{0}};

    EQUAL(zc_pcsc_wait(&pcsc, context, slots, 2, 250), 0);
    EQUAL(slots[0].state, 0x10022);
    CHECK(slots[0].atr_length >= 33 && slots[0].atr_length <= ZC_PCSC_ATR_MAX);
    for (uint32_t i = 0; i < slots[0].atr_length; i++)
        EQUAL(slots[0].atr[i], i + 1);
    EQUAL(slots[1].state, 0x30010);
    EQUAL(slots[1].atr_length, 0);
    EQUAL(zc_pcsc_wait(&pcsc, context, slots, 2, ZC_PCSC_WAIT_FOREVER), 0x8010000A);
    EQUAL(slots[0].state, 0x10022);
    EQUAL(zc_pcsc_wait(&pcsc, context, many, ZC_PCSC_SLOTS_MAX + 1, 250), 0x80100004);
    EQUAL(zc_pcsc_cancel(&pcsc, context), 0);
    EQUAL(variable("abi_cancelled"), 1);
}

static void a_card_is_used(void)
{
    uint64_t card;
    uint32_t protocol, length;
    uint8_t atr[ZC_PCSC_ATR_MAX], response[3];
    size_t got;

    EQUAL(zc_pcsc_connect(&pcsc, context, names + 19, 2, &card, &protocol), 0x8010000C);
    EQUAL(zc_pcsc_connect(&pcsc, context, names, 2, &card, &protocol), 0);
    EQUAL(protocol, 2);
    EQUAL(zc_pcsc_atr(&pcsc, card, atr, &length), 0);
    EQUAL(length, 4);
    CHECK(memcmp(atr, "\x3B\x02\x62\x02", 4) == 0);
    EQUAL(zc_pcsc_begin(&pcsc, card), 0);
    EQUAL(zc_pcsc_transmit(&pcsc, card, 2, (const uint8_t *)"\x00\xB0\x00\x00\x01", 5, response, 3, &got), 0);
    EQUAL(got, 3);
    EQUAL(response[0], 42);
    EQUAL(zc_pcsc_transmit(&pcsc, card, 2, (const uint8_t *)"\x00\xB0\x00\x00\x01", 5, response, 2, &got), 0x80100008);
    EQUAL(zc_pcsc_end(&pcsc, card, 0), 0);
    EQUAL(zc_pcsc_reconnect(&pcsc, card, 2, 1, &protocol), 0);
    EQUAL(protocol, 1);
    EQUAL(zc_pcsc_disconnect(&pcsc, card, 1), 0);
}

static void nothing_was_given_wrongly(void)
{
    EQUAL(zc_pcsc_release(&pcsc, context), 0);
    EQUAL(variable("abi_faults"), 0);
}

int main(void)
{
    if (zc_pcsc_load(&pcsc, STUB) != ZC_OK || zc_pcsc_establish(&pcsc, &context) != 0) {
        printf("%s is not there, or not of this ABI\n0 passed, 1 failed\n", STUB);
        return 1;
    }
    RUN(the_stub_lays_out_its_states_as_published);
    RUN(a_library_with_other_names_is_refused);
    RUN(readers_are_listed);
    RUN(the_states_of_several_readers_go_in_and_out);
    RUN(a_card_is_used);
    RUN(nothing_was_given_wrongly);
    zc_pcsc_unload(&pcsc);
    return report();
}

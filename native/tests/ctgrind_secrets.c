/* SPDX-License-Identifier: Apache-2.0
 * Under valgrind: secret bytes are marked undefined, and memcheck reports every branch and every index that depends on one (after
 * an idea of Adam Langley's). What is meant to become public, cipher text, tags and verdicts, is marked defined when it is out. */
#include "harness.h"
#include "zc.h"

#include <valgrind/memcheck.h>

static uint32_t flags; /* of the run under way */

static void conceal(void *bytes, size_t length)
{
    (void)VALGRIND_MAKE_MEM_UNDEFINED(bytes, length);
}

static void reveal(void *bytes, size_t length)
{
    (void)VALGRIND_MAKE_MEM_DEFINED(bytes, length);
}

/* That the marks arrive in a result shows that memcheck followed them there. */
static void reveal_what_depends_on_secrets(uint8_t *bytes, size_t length)
{
    uint8_t marks[64], any = 0;

    EQUAL(VALGRIND_GET_VBITS(bytes, marks, length), 1);
    for (size_t i = 0; i < length; i++)
        any |= marks[i];
    CHECK(any != 0);
    reveal(bytes, length);
}

static zc_aes secret_context(size_t key_length)
{
    uint8_t key[32] = {0x60, 0x3D, 0xEB, 0x10};
    zc_aes aes;

    conceal(key, sizeof key);
    EQUAL(zc_aes_init(&aes, key, key_length, flags), ZC_OK);
    return aes;
}

static void aes_key_and_data(void)
{
    for (size_t key_length = 16; key_length <= 32; key_length += 8) {
        zc_aes aes = secret_context(key_length);
        uint8_t data[16 * 4] = {1, 2, 3}, chain[16] = {4}, start[16] = {4};

        conceal(data, sizeof data);
        zc_aes_encrypt(&aes, data, data, 4);
        zc_aes_decrypt(&aes, data, data, 4);
        zc_aes_cbc_encrypt(&aes, chain, data, data, 4);
        zc_aes_cbc_decrypt(&aes, start, data, data, 4);
        reveal_what_depends_on_secrets(data, sizeof data);
        CHECK(data[0] == 1 && data[2] == 3 && data[63] == 0);
    }
}

static void cmac_and_derivation(void)
{
    zc_aes aes = secret_context(32);
    uint8_t data[40] = {5}, out[ZC_KDF_MAX];
    zc_cmac cmac;

    conceal(data, sizeof data);
    for (size_t length = 0; length <= sizeof data; length++) {
        zc_cmac_begin(&cmac);
        zc_cmac_update(&cmac, &aes, data, length);
        zc_cmac_end(&cmac, &aes, out);
        reveal_what_depends_on_secrets(out, 16);
    }
    EQUAL(zc_kdf_counter(&aes, 6, data, sizeof data, out, sizeof out), ZC_OK);
    reveal_what_depends_on_secrets(out, sizeof out);
}

/* Static keys in, wrapped command out; only the card's verdict on the keys is left out, for it is public. */
static void a_channel(void)
{
    uint8_t keys[32] = {6}, challenge[16] = {7}, card[16], host[16], out[ZC_SCP03_AUTHENTICATE_MAX];
    uint8_t pin[8 + ZC_SM_OVERHEAD] = "123456";
    zc_command command = {0x00, 0x20, 0x00, 0x80, 0, 0, 8, 0};
    zc_scp03 channel;
    size_t length;

    conceal(keys, sizeof keys);
    conceal(pin, 8);
    EQUAL(zc_scp03_derive(&channel, keys, keys, 32, flags, challenge, challenge, 16, card, host), ZC_OK);
    reveal_what_depends_on_secrets(card, sizeof card);
    channel.phase = 1;
    EQUAL(zc_scp03_authenticate(&channel, 0x33, out, &length), ZC_OK);
    EQUAL(zc_scp03_wrap(&channel, &command, pin, sizeof pin), ZC_OK);
    reveal_what_depends_on_secrets(pin, command.nc);
}

static void piv_session_keys(void)
{
    uint8_t secret[48] = {8}, point[97] = {4}, cryptogram[16];
    const zc_piv_parties parties = {ZC_PIV_CS7, 0, 0, secret, point, point, point, point};
    zc_piv channel;

    conceal(secret, sizeof secret);
    EQUAL(zc_piv_derive(&channel, &parties, flags, cryptogram), ZC_OK);
    reveal_what_depends_on_secrets(cryptogram, sizeof cryptogram);
}

static void comparing(void)
{
    uint8_t one[16] = {9}, other[16] = {9};
    zc_secret *a, *b;
    zc_status status;

    conceal(one, sizeof one);
    conceal(other, sizeof other);
    status = zc_compare(one, other, sizeof one);
    reveal(&status, sizeof status);
    EQUAL(status, ZC_OK);
    EQUAL(zc_secret_open(16, &a), ZC_OK);
    EQUAL(zc_secret_open(16, &b), ZC_OK);
    conceal(a->bytes, 16);
    EQUAL(zc_secret_insert(b, 0, a), ZC_OK);
    b->bytes[15] ^= 1;
    status = zc_secret_compare(a, b);
    reveal(&status, sizeof status);
    EQUAL(status, ZC_E_DIFFERENT);
    zc_secret_close(a);
    zc_secret_close(b);
}

static void pin_blocks(void)
{
    uint8_t pin[6] = "123456", block[ZC_PIN_BLOCK];
    zc_secret *secret;
    zc_status status;

    EQUAL(zc_secret_open(6, &secret), ZC_OK);
    EQUAL(zc_secret_write(secret, 0, pin, 6), ZC_OK);
    conceal(secret->bytes, 6);
    status = zc_secret_check_digits(secret);
    reveal(&status, sizeof status);
    EQUAL(status, ZC_OK);
    status = zc_pin_format_2(secret->bytes, 6, block);
    reveal(&status, sizeof status);
    EQUAL(status, ZC_OK);
    reveal_what_depends_on_secrets(block, sizeof block);
    EQUAL(zc_pin_pad(secret->bytes, 6, 0xFF, block, sizeof block), ZC_OK);
    reveal_what_depends_on_secrets(block, sizeof block);
    CHECK(memcmp(block, "123456\xFF\xFF", 8) == 0);
    zc_secret_close(secret);
}

int main(void)
{
    CHECK(RUNNING_ON_VALGRIND);
    for (flags = 0; flags <= ZC_AES_PORTABLE; flags++) {
        RUN(aes_key_and_data);
        RUN(cmac_and_derivation);
        RUN(a_channel);
        RUN(piv_session_keys);
    }
    RUN(comparing);
    RUN(pin_blocks);
    return report() || !RUNNING_ON_VALGRIND;
}

/* SPDX-License-Identifier: Apache-2.0
 * AES, CBC, CMAC and the key derivation, each by the processor and in bit slices. The vectors are of FIPS 197 (appendix C),
 * SP 800-38A (appendix F) and SP 800-38B (appendix D). */
#include "harness.h"
#include "zc.h"

#define KEY_128 "2b7e151628aed2a6abf7158809cf4f3c"
#define KEY_192 "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b"
#define KEY_256 "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4"
#define MESSAGE                                                                                                    \
    "6bc1bee22e409f96e93d7e117393172a ae2d8a571e03ac9c9eb76fac45af8e51 30c81c46a35ce411e5fbc1191a0a52ef "         \
    "f69f2445df4f9b17ad2b417be66c3710"

static uint32_t flags; /* of the run under way */

static zc_aes context(const char *key_text)
{
    size_t length;
    uint8_t *key = hex(key_text, &length);
    zc_aes aes;

    EQUAL(zc_aes_init(&aes, key, length, flags), ZC_OK);
    EQUAL(aes.chip, flags == 0 && zc_aes_hardware());
    free(key);
    return aes;
}

static void same(const uint8_t *got, const char *want_text)
{
    size_t length;
    uint8_t *want = hex(want_text, &length);

    CHECK(memcmp(got, want, length) == 0);
    free(want);
}

static void one_block_both_ways(const char *key, const char *plain_text, const char *cipher_text)
{
    zc_aes aes = context(key);
    size_t length;
    uint8_t *block = hex(plain_text, &length);

    EQUAL(length, 16);
    zc_aes_encrypt(&aes, block, block, 1);
    same(block, cipher_text);
    zc_aes_decrypt(&aes, block, block, 1);
    same(block, plain_text);
    free(block);
}

static void the_examples_of_fips_197(void)
{
    static const char plain[] = "00112233445566778899aabbccddeeff";

    one_block_both_ways("000102030405060708090a0b0c0d0e0f", plain, "69c4e0d86a7b0430d8cdb78070b4c55a");
    one_block_both_ways("000102030405060708090a0b0c0d0e0f1011121314151617", plain, "dda97ca4864cdfe06eaf70a0ec0d7191");
    one_block_both_ways("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", plain,
                        "8ea2b7ca516745bfeafc49904b496089");
}

/* Every byte value goes through both S-boxes, and back. */
static void decryption_undoes_encryption(void)
{
    static const char *const keys[] = {KEY_128, KEY_192, KEY_256};

    for (size_t k = 0; k < 3; k++) {
        zc_aes aes = context(keys[k]);
        uint8_t plain[256], out[256];

        for (size_t i = 0; i < sizeof plain; i++)
            plain[i] = (uint8_t)i;
        for (size_t blocks = 0; blocks <= 16; blocks++) {
            memset(out, 0xA5, sizeof out);
            zc_aes_encrypt(&aes, plain, out, blocks);
            CHECK(blocks == 16 || out[16 * blocks] == 0xA5);
            zc_aes_decrypt(&aes, out, out, blocks);
            CHECK(memcmp(plain, out, 16 * blocks) == 0);
        }
    }
}

static void other_key_lengths_are_refused(void)
{
    uint8_t key[33] = {0};
    zc_aes aes;

    for (size_t length = 0; length <= sizeof key; length++)
        EQUAL(zc_aes_init(&aes, key, length, flags), length == 16 || length == 24 || length == 32 ? ZC_OK : ZC_E_RANGE);
}

/* In one call, in place, and block by block. */
static void cbc(const char *key, const char *cipher_text)
{
    zc_aes aes = context(key);
    uint8_t chain[16], split[64];
    size_t length;
    uint8_t *data = hex(MESSAGE, &length);

    for (size_t i = 0; i < 16; i++)
        chain[i] = (uint8_t)i;
    for (size_t i = 0; i < 4; i++)
        zc_aes_cbc_encrypt(&aes, chain, data + 16 * i, split + 16 * i, 1);
    for (size_t i = 0; i < 16; i++)
        chain[i] = (uint8_t)i;
    zc_aes_cbc_encrypt(&aes, chain, data, data, 4);
    same(data, cipher_text);
    CHECK(memcmp(data, split, 64) == 0);
    CHECK(memcmp(data + 48, chain, 16) == 0);
    for (size_t i = 0; i < 16; i++)
        chain[i] = (uint8_t)i;
    zc_aes_cbc_decrypt(&aes, chain, data, data, 4);
    same(data, MESSAGE);
    CHECK(memcmp(split + 48, chain, 16) == 0);
    free(data);
}

static void the_cbc_examples_of_sp_800_38a(void)
{
    cbc(KEY_128, "7649abac8119b246cee98e9b12e9197d 5086cb9b507219ee95db113a917678b2 "
                 "73bed6b8e3c1743b7116e69e22229516 3ff1caa1681fac09120eca307586e1a7");
    cbc(KEY_192, "4f021db243bc633d7178183a9fa071e8 b4d9ada9ad7dedf4e5e738763f69145a "
                 "571b242012fb7ae07fa9baac3df102e0 08b0e27988598881d920a9e64f5615cd");
    cbc(KEY_256, "f58c4c04d6e5f1ba779eabfb5f7bfbd6 9cfc4e967edb808d679f777bc6702c7d "
                 "39f23369a9d9bacfa530e26304231461 b2eb05e2c39be9fcda6c19078c6a9d1b");
}

/* Five and more blocks: groups of four and what is left over. */
static void cbc_of_many_blocks(void)
{
    zc_aes aes = context(KEY_256);
    uint8_t plain[16 * 11], out[16 * 11], chain[16];

    for (size_t i = 0; i < sizeof plain; i++)
        plain[i] = (uint8_t)(i * 7);
    for (size_t blocks = 0; blocks <= 11; blocks++) {
        memset(chain, 9, sizeof chain);
        zc_aes_cbc_encrypt(&aes, chain, plain, out, blocks);
        memset(chain, 9, sizeof chain);
        zc_aes_cbc_decrypt(&aes, chain, out, out, blocks);
        CHECK(memcmp(plain, out, 16 * blocks) == 0);
    }
}

/* The tag of the message's first `length` bytes, in parts of every size. */
static void cmac(const char *key, size_t length, const char *tag_text)
{
    zc_aes aes = context(key);
    size_t whole;
    uint8_t *data = hex(MESSAGE, &whole), tag[16];

    for (size_t step = 1; step <= 65; step++) {
        zc_cmac state;

        zc_cmac_begin(&state);
        for (size_t at = 0; at < length; at += step)
            zc_cmac_update(&state, &aes, data + at, length - at < step ? length - at : step);
        zc_cmac_end(&state, &aes, tag);
        same(tag, tag_text);
        EQUAL(state.held, 0);
    }
    free(data);
}

static void the_cmac_examples_of_sp_800_38b(void)
{
    cmac(KEY_128, 0, "bb1d6929e95937287fa37d129b756746");
    cmac(KEY_128, 16, "070a16b46b4d4144f79bdd9dd04a287c");
    cmac(KEY_128, 40, "dfa66747de9ae63030ca32611497c827");
    cmac(KEY_128, 64, "51f0bebf7e3b9d92fc49741779363cfe");
    cmac(KEY_192, 0, "d17ddf46adaacde531cac483de7a9367");
    cmac(KEY_192, 16, "9e99a7bf31e710900662f65e617c5184");
    cmac(KEY_192, 40, "8a1de5be2eb31aad089a82e6ee908b0e");
    cmac(KEY_192, 64, "a1d5df0eed790f794d77589659f39a11");
    cmac(KEY_256, 0, "028962f61b7bf89efc6b551f4667d983");
    cmac(KEY_256, 16, "28a7023f452e8f82bd4bf28d8c37c35c");
    cmac(KEY_256, 40, "aaf3d8f1de5640c232f5b169b9c911e6");
    cmac(KEY_256, 64, "e1992190549f6ed5696a2c056c315410");
}

/* The fixed part of the input, written out here byte by byte. */
static void the_derivation_is_the_cmac_of_its_fields(void)
{
    zc_aes aes = context(KEY_256);
    uint8_t input[20] = {[11] = 0x06, [13] = 0x01, [14] = 0x00, [16] = 1, 2, 3, 4}, out[33], tag[16];

    memset(out, 0xA5, sizeof out);
    EQUAL(zc_kdf_counter(&aes, 0x06, input + 16, 4, out, 32), ZC_OK);
    EQUAL(out[32], 0xA5);
    for (uint8_t counter = 1; counter <= 2; counter++) {
        zc_cmac state;

        input[15] = counter;
        zc_cmac_begin(&state);
        zc_cmac_update(&state, &aes, input, sizeof input);
        zc_cmac_end(&state, &aes, tag);
        CHECK(memcmp(tag, out + 16 * (counter - 1), 16) == 0);
    }
    EQUAL(zc_kdf_counter(&aes, 0, input, 4, out, 0), ZC_E_RANGE);
    EQUAL(zc_kdf_counter(&aes, 0, input, 4, out, ZC_KDF_MAX + 1), ZC_E_RANGE);
}

int main(void)
{
    for (flags = 0; flags <= ZC_AES_PORTABLE; flags++) {
        RUN(the_examples_of_fips_197);
        RUN(decryption_undoes_encryption);
        RUN(other_key_lengths_are_refused);
        RUN(the_cbc_examples_of_sp_800_38a);
        RUN(cbc_of_many_blocks);
        RUN(the_cmac_examples_of_sp_800_38b);
        RUN(the_derivation_is_the_cmac_of_its_fields);
    }
    if (!zc_aes_hardware())
        printf("SKIPPED: AES by the processor: this one has no such instructions\n");
    return report();
}

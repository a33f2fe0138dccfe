/* SPDX-License-Identifier: Apache-2.0
 * A certificate put together here from hexadecimal parts, with one part replaced at a time; what cryptography makes of whole ones is
 * compared in tests/unit/test_certificate.py. */
#include "harness.h"
#include "zc.h"

enum { VERSION, SERIAL, INNER, ISSUER, VALIDITY, SUBJECT, KEY, EXTENSIONS, OUTER, SIGNATURE, PARTS };

static const char *const usual[PARTS] = {
    "A003020102",
    "02020102",
    "300A06082A8648CE3D040302",
    "300C310A300806035504030C0141",
    "301E 170D3236303130313030303030305A 170D3237303130313030303030305A",
    "300C310A300806035504030C0142",
    "3019 301306072A8648CE3D020106082A8648CE3D030107 0302 0004",
    "",
    "300A06082A8648CE3D040302",
    "0302 00AA",
};

static const char *parts[PARTS];
static uint8_t der[70000];
static size_t der_length;
static zc_certificate certificate;
static const char *field;

static size_t put(uint8_t *at, const char *text)
{
    size_t length;
    uint8_t *bytes = hex(text, &length);

    memcpy(at, bytes, length);
    free(bytes);
    return length;
}

static zc_status read_bytes(const uint8_t *bytes, size_t length)
{
    uint8_t *exact = exactly(bytes, length);
    zc_status status = zc_certificate_read(exact, length, &certificate, &field);

    free(exact);
    return status;
}

static void make(void)
{
    size_t length = 0, extensions;

    for (int i = VERSION; i < EXTENSIONS; i++)
        length += put(der + length, parts[i]);
    extensions = put(der + length, parts[EXTENSIONS]);
    if (extensions > 0)
        length += wrap(der + length, wrap(der + length, extensions, 0x30), 0xA3);
    length = wrap(der, length, 0x30);
    length += put(der + length, parts[OUTER]);
    length += put(der + length, parts[SIGNATURE]);
    der_length = wrap(der, length, 0x30);
}

/* Read the usual certificate with this part replaced. */
static zc_status with(int part, const char *text)
{
    memcpy(parts, usual, sizeof parts);
    parts[part] = text;
    make();
    return read_bytes(der, der_length);
}

static void a_bare_certificate_is_read(void)
{
    EQUAL(with(EXTENSIONS, ""), ZC_OK);
    EQUAL(certificate.not_before, 1767225600);
    EQUAL(certificate.not_after, 1798761600);
    EQUAL(certificate.serial[18], 1);
    EQUAL(certificate.serial[19], 2);
    EQUAL(certificate.signed_by, ZC_SIGNED_ES256);
    EQUAL(certificate.key_kind, ZC_KEY_EC);
    EQUAL(certificate.key_bits, 256);
    EQUAL(certificate.present, 0);
    EQUAL(certificate.path_length, -1);
    EQUAL(certificate.signature.length, 1);
    EQUAL(der[certificate.tbs.at], 0x30);
    EQUAL(certificate.issuer.length, 14);
}

static void it_is_read_whole_or_not_at_all(void)
{
    EQUAL(with(EXTENSIONS, "301D 0603551D25 0416 3014 06082B06010505070302 06082B06010505070304"), ZC_OK);
    for (size_t length = 0; length < der_length; length++) {
        CHECK(read_bytes(der, length) != ZC_OK);
        EQUAL(certificate.tbs.length, 0);
    }
    der[der_length] = 0;
    EQUAL(read_bytes(der, der_length + 1), ZC_E_TRAILING);
    EQUAL(read_bytes(der, ZC_CERTIFICATE_MAX + 1), ZC_E_RANGE);
}

static void a_fault_is_named(void)
{
    static const struct {
        int part;
        const char *text, *field;
        zc_status status;
    } faults[] = {
        {VERSION, "", "version", ZC_E_VALUE},
        {VERSION, "A003020101", "version", ZC_E_VALUE},
        {VERSION, "A00402020002", "version", ZC_E_NOT_MINIMAL},
        {SERIAL, "02028102", "serialNumber", ZC_E_SERIAL},
        {SERIAL, "02020002", "serialNumber", ZC_E_NOT_MINIMAL},
        {SERIAL, "0200", "serialNumber", ZC_E_TRUNCATED},
        {SERIAL, "021501 0000000000000000000000000000000000000000", "serialNumber", ZC_E_SERIAL},
        {INNER, "300C06082A8648CE3D0403020500", "signature", ZC_E_VALUE},
        {INNER, "300A06082A8648CE3D040303", "signatureAlgorithm", ZC_E_VALUE},
        {INNER, "300A06082A8648CE3D048001", "signature", ZC_E_OID},
        {INNER, "300A06082A8648CE3D0403FF", "signature", ZC_E_OID},
        {ISSUER, "3002 3100", "issuer", ZC_E_TRUNCATED},
        {ISSUER, "300C310A30080603550403020141", "issuer", ZC_E_TEXT},
        {ISSUER, "300C310A300806035504031F0141", "issuer", ZC_E_TAG},
        {ISSUER, "300C310A30080603550403130140", "issuer", ZC_E_TEXT}, /* @ is not printable */
        {ISSUER, "300C310A300806035504030C0180", "issuer", ZC_E_TEXT},
        {ISSUER, "300C310A300806035504030C0100", "issuer", ZC_E_TEXT},
        {ISSUER, "300D310B300906035504030C02C080", "issuer", ZC_E_TEXT},
        {ISSUER, "300E310C300A06035504030C03EDA080", "issuer", ZC_E_TEXT}, /* a surrogate */
        {ISSUER, "300F310D300B06035504030C04F4908080", "issuer", ZC_E_TEXT},
        {ISSUER, "300D310B300906035504031E02D800", "issuer", ZC_E_TEXT},
        {ISSUER, "300C310A300806035504031E0141", "issuer", ZC_E_TEXT},
        {ISSUER, "30163114300806035504030C0142300806035504030C0141", "issuer", ZC_E_ORDER},
        {ISSUER, "30163114300806035504030C0141300806035504030C0141", "issuer", ZC_E_REPEATED},
        {VALIDITY, "301E 170D3236313330313030303030305A 170D3237303130313030303030305A", "validity", ZC_E_TIME},
        {VALIDITY, "3020 170D3236303130313030303030305A 180F32303430303130313030303030305A", "validity", ZC_E_TIME},
        {KEY, "300D 300806062A8648CE3D02 0301 00", "subjectPublicKeyInfo", ZC_OK},
        {KEY, "300F 300906072A8648CE3D0201 0302 0004", "subjectPublicKeyInfo", ZC_E_VALUE},
        {KEY, "3012 300D06092A864886F70D0101010500 0301 00", "subjectPublicKeyInfo", ZC_E_TRUNCATED},
        {KEY, "3010 300B06092A864886F70D010101 0301 00", "subjectPublicKeyInfo", ZC_E_VALUE},
        {KEY, "301A 300D06092A864886F70D0101010500 0309 003006020180020103", "subjectPublicKeyInfo", ZC_E_VALUE},
        {SIGNATURE, "0302 01AA", "signatureValue", ZC_E_VALUE},
        {SIGNATURE, "0302 01AB", "signatureValue", ZC_E_NOT_MINIMAL},
        {SIGNATURE, "0301 08", "signatureValue", ZC_E_VALUE},
    };

    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        zc_status status = with(faults[i].part, faults[i].text);

        if (status != faults[i].status || (status != ZC_OK && strcmp(field, faults[i].field) != 0))
            printf("case %zu: status %d, field %s\n", i, (int)status, field);
        EQUAL(status, faults[i].status);
        CHECK(status == ZC_OK || strcmp(field, faults[i].field) == 0);
    }
}

static void faults_of_extensions_are_named(void)
{
    static const struct {
        const char *text, *field;
        zc_status status;
    } faults[] = {
        {"300B 0603551D0F 0404 03020780", "", ZC_OK},
        {"300B 0603551D0F 0404 03020700", "keyUsage", ZC_E_NOT_MINIMAL},
        {"300B 0603551D0F 0404 03020680", "keyUsage", ZC_E_NOT_MINIMAL},
        {"300A 0603551D0F 0403 030100", "keyUsage", ZC_E_VALUE},
        {"300C 0603551D0F 0405 0303070080", "keyUsage", ZC_E_VALUE}, /* decipherOnly without keyAgreement */
        {"300E 0603551D0F 0101FF 0404 03020780", "", ZC_OK},
        {"300E 0603551D0F 010100 0404 03020780", "extensions", ZC_E_NOT_MINIMAL},
        {"300B 0603551D0F 0404 03020780 300B 0603551D0F 0404 03020780", "extensions", ZC_E_REPEATED},
        {"300C 0603551D0F 0405 0302078000", "keyUsage", ZC_E_TRAILING},
        {"3009 0603551D13 0402 3000", "", ZC_OK},
        {"300C 0603551D13 0405 30030101FF", "", ZC_OK},
        {"300C 0603551D13 0405 3003010100", "basicConstraints", ZC_E_NOT_MINIMAL},
        {"300C 0603551D13 0405 3003020100", "basicConstraints", ZC_E_VALUE},
        {"300F 0603551D13 0408 30060101FF0201FF", "basicConstraints", ZC_E_VALUE},
        {"3009 0603551D25 0402 3000", "extKeyUsage", ZC_E_TRUNCATED},
        {"300B 0603551D0E 0404 04020102", "", ZC_OK},
        {"3009 0603551D0E 0402 0400", "subjectKeyIdentifier", ZC_E_TRUNCATED},
        {"300D 0603551D23 0406 300480020102", "", ZC_OK},
        {"300C 0603551D23 0405 3003820101", "authorityKeyIdentifier", ZC_E_VALUE},
        {"3013 0603551D11 040C 300A 820141 820142 82020043", "subjectAltName", ZC_E_TEXT},
        {"300D 0603551D11 0406 3004 87020102", "subjectAltName", ZC_E_VALUE},
        {"300B 0603551D11 0404 3002 A300", "subjectAltName", ZC_E_TAG},
        {"3014 0603551D11 040D 300B A009 06012A A004 16024142", "", ZC_OK},
        {"3016 0603551D11 040F 300D A00B 06012A A006 160141160142", "subjectAltName", ZC_E_TRAILING},
        {"3016 0603551D11 040F 300D A00B 06012A A004 16024142 0500", "subjectAltName", ZC_E_TRAILING},
        {"3016 0603551D20 040F 300D 3003 06012A 3003 06012B 300106", "certificatePolicies", ZC_E_TRUNCATED},
        {"3013 0603551D20 040C 300A 3003 06012A 3003 06012A", "certificatePolicies", ZC_E_REPEATED},
        {"300B 0603551D1F 0404 3002 3000", "cRLDistributionPoints", ZC_E_TRUNCATED},
        {"300A 06012A 0101FF 0402 FFFF", "", ZC_OK},
        {"3007 06012A 0402 FFFF00", "extensions", ZC_E_TRUNCATED},
    };

    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        zc_status status = with(EXTENSIONS, faults[i].text);

        if (status != faults[i].status || (status != ZC_OK && strcmp(field, faults[i].field) != 0))
            printf("extension %zu: status %d, field %s\n", i, (int)status, field);
        EQUAL(status, faults[i].status);
        CHECK(status == ZC_OK || strcmp(field, faults[i].field) == 0);
    }
    EQUAL(with(EXTENSIONS, "300A 06012A 0101FF 0402 FFFF"), ZC_OK);
    EQUAL(certificate.unknown_critical, 1);
}

static void too_many_extensions_are_refused(void)
{
    char text[70 * 20 + 1] = "";

    for (int i = 0; i < ZC_CERTIFICATE_ITEMS; i++)
        snprintf(text + strlen(text), 20, "3006 06022A%02X 0400", i);
    EQUAL(with(EXTENSIONS, text), ZC_OK);
    strcat(text, "3006 06022A7F 0400");
    EQUAL(with(EXTENSIONS, text), ZC_E_CAPACITY);
}

static void check_oid(const char *bytes, const char *text)
{
    char out[ZC_OID_TEXT_MAX];
    size_t length, made;
    uint8_t *oid = hex(bytes, &length);

    made = zc_oid_text(oid, length, out);
    EQUAL(made, strlen(text));
    CHECK(memcmp(out, text, made) == 0);
    free(oid);
}

static void object_identifiers_are_written(void)
{
    check_oid("00", "0.0");
    check_oid("27", "0.39");
    check_oid("28", "1.0");
    check_oid("4F", "1.39");
    check_oid("50", "2.0");
    check_oid("8837", "2.999");
    check_oid("2A864886F70D01010B", "1.2.840.113549.1.1.11");
    check_oid("69 83FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF7F", "2.25.340282366920938463463374607431768211455");
    check_oid("83FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF7F", "2.340282366920938463463374607431768211375");
    check_oid("81808080808080808000", "2.9223372036854775728");
    check_oid("8180808080808080808001 01", "2.1180591620717411303345.1");
    check_oid("69 84808080808080808080808080808080808000", "");
    check_oid("", "");
    check_oid("80", "");
    check_oid("2A80", "");
    check_oid("2A8001", "");
}

static void base64_has_one_form(void)
{
    static const struct {
        const char *text, *bytes;
        zc_status status;
    } cases[] = {
        {"", "", ZC_OK}, {"QQ==", "A", ZC_OK}, {"QUI=", "AB", ZC_OK}, {"QUJD", "ABC", ZC_OK}, {"QUJDRA==", "ABCD", ZC_OK},
        {"QUJ", "", ZC_E_TRUNCATED}, {"QR==", "", ZC_E_NOT_MINIMAL}, {"QUJ=", "", ZC_E_NOT_MINIMAL}, {"Q===", "", ZC_E_TEXT},
        {"QQ==QUJD", "", ZC_E_TEXT}, {"QQ=D", "", ZC_E_TEXT}, {"QU-D", "", ZC_E_TEXT}, {"QU\xFF" "D", "", ZC_E_TEXT}, {"QUJDQU D", "", ZC_E_TEXT},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t length = strlen(cases[i].text), made;
        uint8_t *text = exactly(cases[i].text, length), *out = malloc(length / 4 * 3 + 1);

        EQUAL(zc_base64_read(text, length, out, &made), cases[i].status);
        EQUAL(made, strlen(cases[i].bytes));
        CHECK(memcmp(out, cases[i].bytes, made) == 0);
        free(out);
        free(text);
    }
}

int main(void)
{
    RUN(a_bare_certificate_is_read);
    RUN(it_is_read_whole_or_not_at_all);
    RUN(a_fault_is_named);
    RUN(faults_of_extensions_are_named);
    RUN(too_many_extensions_are_refused);
    RUN(object_identifiers_are_written);
    RUN(base64_has_one_form);
    return report();
}

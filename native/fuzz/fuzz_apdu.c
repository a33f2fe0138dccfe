/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as a command APDU: what is read is written back as it was. */
#include "fuzz.h"
#include "zc.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
    static uint8_t out[ZC_COMMAND_MAX];
    zc_command command;
    size_t offset, length;
    zc_status status = zc_command_parse(input, size, &command, &offset);

    REQUIRE(offset <= size);
    if (status != ZC_OK)
        return 0;
    REQUIRE(offset == size);
    REQUIRE(command.nc <= size && command.data_offset <= size - command.nc && command.ne <= 65536);
    REQUIRE(zc_command_encode(&command, input + command.data_offset, out, sizeof out, &length) == ZC_OK);
    REQUIRE(length == size && memcmp(out, input, size) == 0);
    REQUIRE(zc_command_encode(&command, input + command.data_offset, out, size - 1, &length) == ZC_E_CAPACITY);
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0
 * A whole logical command: the state machine of exchange.c, and a transport that carries what it says. */
#include "zc.h"

enum { COLLECTING = 1, RESPONSE_SHORT = 258, LENGTHS = 10, SW_AND_ONE = 3 };

static int cancelled(const zc_job *job)
{
    return job->cancel != NULL && *(const volatile uint32_t *)job->cancel != 0;
}

static size_t command_room(const zc_command *command)
{
    size_t whole = (size_t)command->nc + LENGTHS;

    return command->extended == ZC_SHORT || whole < ZC_COMMAND_SHORT_MAX ? ZC_COMMAND_SHORT_MAX : whole;
}

size_t zc_work_size(const zc_command *command)
{
    if (command->extended == ZC_SHORT)
        return ZC_WORK_SHORT;
    return command_room(command) + ZC_RESPONSE_MAX + 1; /* one more, to tell an answer that is too long */
}

/* Template, secrets, and behind them room for one physical command. */
static zc_status fill_page(const zc_job *job, zc_secret *page)
{
    zc_status status = zc_secret_write(page, 0, job->data, job->command.nc);

    for (uint32_t i = 0; status == ZC_OK && i < job->fill_count; i++) {
        const zc_fill *fill = &job->fills[i];

        if (zc_secret_check(fill->secret) != ZC_OK)
            return ZC_E_WIPED;
        if (fill->offset > job->command.nc || fill->secret->length > job->command.nc - fill->offset)
            return ZC_E_RANGE;
        status = zc_secret_insert(page, fill->offset, fill->secret);
    }
    return status;
}

typedef struct {
    zc_job *job;
    zc_exchange exchange;
    const uint8_t *data;
    uint8_t *command, *response;
    size_t command_room, response_room;
} course;

static zc_status turn(course *c, zc_transmit transmit, void *carrier, size_t *length)
{
    zc_job *job = c->job;
    uint8_t *response = c->response;
    size_t room = c->response_room, got = 0;

    /* Where the answer has room for it, and for a byte more to tell one that is too long, the response goes there at once. */
    if (job->limit - c->exchange.received > c->exchange.expected + SW_AND_ONE) {
        response = job->answer + c->exchange.received;
        room = job->limit - c->exchange.received;
    }
    job->sent++;
    job->code = transmit(carrier, c->command, *length, response, room, &got);
    if (job->code == ZC_TRANSMIT_REFUSED) {
        job->sent--;
        if (zc_exchange_refused(&c->exchange, c->data, c->command, c->command_room, length) != ZC_MORE)
            return ZC_E_TRANSPORT;
        return ZC_MORE;
    }
    if (job->code != 0)
        return ZC_E_TRANSPORT;
    return zc_exchange_feed(&c->exchange, c->data, response, got, job->answer, c->command, c->command_room, length);
}

static zc_status run(course *c, zc_transmit transmit, void *carrier)
{
    zc_job *job = c->job;
    size_t length;
    zc_status status = zc_exchange_begin(&c->exchange, &job->command, c->data, job->limit, c->command, c->command_room,
                                         &length);

    if (status == ZC_OK)
        status = cancelled(job) ? ZC_E_CANCELLED : ZC_MORE;
    while (status == ZC_MORE) {
        status = turn(c, transmit, carrier, &length);
        if (status == ZC_MORE && c->exchange.phase == COLLECTING && cancelled(job))
            status = ZC_E_CANCELLED;
    }
    job->received = c->exchange.received;
    job->sw = c->exchange.sw;
    job->fell_back = c->exchange.fell_back;
    return status;
}

static zc_status run_in_page(course *c, zc_transmit transmit, void *carrier)
{
    zc_job *job = c->job;
    zc_secret *page;
    zc_status status;

    if (job->command.nc > ZC_SECRET_MAX || c->command_room > ZC_SECRET_MAX - job->command.nc)
        return ZC_E_RANGE;
    status = zc_secret_open(job->command.nc + (uint32_t)c->command_room, &page);
    if (status != ZC_OK)
        return status;
    status = fill_page(job, page);
    if (status == ZC_OK) {
        c->data = page->bytes;
        c->command = page->bytes + job->command.nc;
        status = run(c, transmit, carrier);
    }
    zc_secret_close(page);
    return status;
}

zc_status zc_carry(zc_job *job, zc_transmit transmit, void *carrier)
{
    course c = {.job = job, .data = job->data, .command = job->work};

    job->code = job->sent = job->received = 0;
    job->sw = 0;
    job->fell_back = 0;
    c.command_room = command_room(&job->command);
    if (job->work_size < c.command_room + RESPONSE_SHORT || job->work_size < zc_work_size(&job->command))
        return ZC_E_CAPACITY;
    c.response = job->work + c.command_room;
    c.response_room = job->work_size - c.command_room;
    return job->fill_count > 0 ? run_in_page(&c, transmit, carrier) : run(&c, transmit, carrier);
}

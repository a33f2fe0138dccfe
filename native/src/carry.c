/* SPDX-License-Identifier: Apache-2.0
 * A whole logical command: the state machine of exchange.c, and a transport that carries what it says. */
#include "zc.h"

#include <string.h>

enum { COLLECTING = 1, SW_AND_ONE = 3, EXTENDED_NC = 65535 };

static int cancelled(const zc_job *job)
{
    return job->cancel != NULL && *(const volatile uint32_t *)job->cancel != 0;
}

/* For one physical command, wrapped where it is secured. */
static size_t command_room(const zc_job *job)
{
    return ZC_COMMAND_SHORT_MAX + (job->command.extended == ZC_SHORT ? 0 : (size_t)job->command.nc);
}

/* For a response, and more, to tell one that is too long. */
static size_t response_room(const zc_job *job)
{
    return job->command.extended == ZC_SHORT ? ZC_WORK_SHORT - ZC_COMMAND_SHORT_MAX : ZC_RESPONSE_MAX + 1;
}

/* For the data, where they are not to be sent as they stand. */
static size_t data_room(const zc_job *job)
{
    if (job->secure != NULL)
        return (size_t)job->command.nc + ZC_SM_OVERHEAD;
    return job->fill_count > 0 ? job->command.nc : 0;
}

size_t zc_work_size(const zc_job *job)
{
    return command_room(job) + response_room(job) + (job->fill_count > 0 ? 0 : data_room(job));
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
        /* wiped by another thread meanwhile: half a PIN would cost a try */
        if (status == ZC_OK && zc_secret_check(fill->secret) != ZC_OK)
            return ZC_E_WIPED;
    }
    return status;
}

typedef struct {
    zc_job *job;
    zc_exchange exchange;
    const uint8_t *data;
    uint8_t *own_data;   /* the same where they were copied, to be wrapped */
    uint8_t *command, *response;
} course;

static zc_status turn(course *c, zc_transmit transmit, void *carrier, size_t *length)
{
    zc_job *job = c->job;
    uint8_t *response = c->response;
    size_t room = response_room(job), got = 0;

    /* Where the answer has room for it, and for a byte more to tell one that is too long, the response goes there at once. */
    if (job->limit - c->exchange.received > c->exchange.expected + SW_AND_ONE) {
        response = job->answer + c->exchange.received;
        room = job->limit - c->exchange.received;
    }
    job->sent++;
    job->code = transmit(carrier, c->command, *length, response, room, &got);
    if (job->code == ZC_TRANSMIT_REFUSED) {
        job->sent--;
        if (zc_exchange_refused(&c->exchange, c->data, c->command, command_room(job), length) != ZC_MORE)
            return ZC_E_TRANSPORT;
        return ZC_MORE;
    }
    if (job->code != 0)
        return ZC_E_TRANSPORT;
    return zc_exchange_feed(&c->exchange, job->secure, c->data, response, got, job->answer, c->command, command_room(job),
                            length);
}

static zc_status begin(course *c, size_t *length)
{
    zc_job *job = c->job;

    if (job->secure == NULL)
        return zc_exchange_begin(&c->exchange, &job->command, c->data, job->limit, c->command, command_room(job), length);
    return zc_exchange_begin_secure(&c->exchange, job->secure, &job->command, c->own_data, data_room(job), job->limit,
                                    c->command, command_room(job), length);
}

static zc_status run(course *c, zc_transmit transmit, void *carrier)
{
    zc_job *job = c->job;
    size_t length;
    zc_status status = cancelled(job) ? ZC_E_CANCELLED : begin(c, &length);

    if (status != ZC_OK)
        return status;
    do {
        status = turn(c, transmit, carrier, &length);
        if (status == ZC_MORE && c->exchange.phase == COLLECTING && job->secure == NULL && cancelled(job))
            status = ZC_E_CANCELLED;
    } while (status == ZC_MORE);
    job->received = c->exchange.received;
    job->sw = c->exchange.sw;
    job->fell_back = c->exchange.fell_back;
    return status;
}

static zc_status run_in_page(course *c, zc_transmit transmit, void *carrier)
{
    zc_job *job = c->job;
    size_t data = data_room(job), whole = data + command_room(job);
    zc_secret *page;
    zc_status status;

    status = zc_secret_open((uint32_t)whole, &page);
    if (status != ZC_OK)
        return status;
    status = fill_page(job, page);
    if (status == ZC_OK) {
        c->data = c->own_data = page->bytes;
        c->command = page->bytes + data;
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
    if (job->command.nc > EXTENDED_NC)
        return ZC_E_RANGE;
    if (job->work_size < zc_work_size(job))
        return ZC_E_CAPACITY;
    c.response = job->work + command_room(job);
    if (job->fill_count > 0)
        return run_in_page(&c, transmit, carrier);
    if (job->secure != NULL) {
        c.data = c.own_data = c.response + response_room(job);
        if (job->command.nc > 0)
            memcpy(c.own_data, job->data, job->command.nc);
    }
    return run(&c, transmit, carrier);
}

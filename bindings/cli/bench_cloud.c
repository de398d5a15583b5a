/* SPDX-License-Identifier: Apache-2.0
 *
 * The smallest cloud whose timing can be set: one answer for every chat request, and the
 * moment at which its headers came out of TLS.
 */
#include "bench_takeover.h"

#include <microhttpd.h>
#include <netinet/in.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

struct bench_cloud {
    struct MHD_Daemon *daemon;
    char *certificate;
    char *key;
    atomic_ullong arrival_us;
};

static const char answer[] =
    "data: {\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":"
    "{\"content\":\" tock.\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";

static uint64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static enum MHD_Result on_request(void *self, struct MHD_Connection *connection, const char *url,
    const char *method, const char *version, const char *upload, size_t *upload_size, void **seen)
{
    bench_cloud *cloud = self;
    if (*seen == NULL) { /* the headers; the body follows */
        atomic_store(&cloud->arrival_us, now_us());
        *seen = cloud;
        return MHD_YES;
    }
    if (*upload_size > 0) {
        *upload_size = 0;
        return MHD_YES;
    }
    struct MHD_Response *response = MHD_create_response_from_buffer(
        sizeof answer - 1, (void *)(uintptr_t)answer, MHD_RESPMEM_PERSISTENT);
    if (response == NULL)
        return MHD_NO;
    MHD_add_response_header(response, "Content-Type", "text/event-stream");
    enum MHD_Result result = MHD_queue_response(connection, MHD_HTTP_OK, response);
    MHD_destroy_response(response);
    return result;
}

static bool make_certificate(const char *folder)
{
    char certificate[512], key[512];
    snprintf(certificate, sizeof certificate, "%s/cert.pem", folder);
    snprintf(key, sizeof key, "%s/key.pem", folder);
    char *const words[] = {"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
        "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
        "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate, NULL};
    posix_spawn_file_actions_t quiet;
    pid_t child = 0;
    int status = -1;
    if (posix_spawn_file_actions_init(&quiet) != 0)
        return false;
    posix_spawn_file_actions_addopen(&quiet, 2, "/dev/null", 1 /* O_WRONLY */, 0);
    bool started = posix_spawnp(&child, words[0], &quiet, NULL, words, environ) == 0;
    posix_spawn_file_actions_destroy(&quiet);
    return started && waitpid(child, &status, 0) == child && status == 0;
}

static char *read_beside(const char *folder, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return cli_read_file(path, NULL);
}

bench_cloud *bench_cloud_new(const char *folder)
{
    const struct sockaddr_in loopback = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    bench_cloud *cloud = calloc(1, sizeof *cloud);
    if (cloud == NULL || !make_certificate(folder)) {
        cli_usage("bench takeover: no certificate: is the openssl command installed?");
        free(cloud);
        return NULL;
    }
    cloud->certificate = read_beside(folder, "cert.pem");
    cloud->key = read_beside(folder, "key.pem");
    if (cloud->certificate != NULL && cloud->key != NULL)
        cloud->daemon =
            MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_AUTO | MHD_USE_TLS, 0, NULL,
                NULL, on_request, cloud, MHD_OPTION_SOCK_ADDR, (const struct sockaddr *)&loopback,
                MHD_OPTION_HTTPS_MEM_CERT, cloud->certificate, MHD_OPTION_HTTPS_MEM_KEY, cloud->key,
                MHD_OPTION_END);
    if (cloud->daemon == NULL) {
        cli_usage("bench takeover: no HTTPS server: this libmicrohttpd may lack TLS");
        bench_cloud_free(cloud);
        return NULL;
    }
    return cloud;
}

unsigned bench_cloud_port(const bench_cloud *cloud)
{
    return MHD_get_daemon_info(cloud->daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
}

uint64_t bench_cloud_arrival_us(bench_cloud *cloud)
{
    return atomic_load(&cloud->arrival_us);
}

void bench_cloud_reset(bench_cloud *cloud)
{
    atomic_store(&cloud->arrival_us, 0);
}

void bench_cloud_free(bench_cloud *cloud)
{
    if (cloud == NULL)
        return;
    if (cloud->daemon != NULL)
        MHD_stop_daemon(cloud->daemon);
    free(cloud->certificate);
    free(cloud->key);
    free(cloud);
}

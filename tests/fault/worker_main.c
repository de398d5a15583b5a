/* SPDX-License-Identifier: Apache-2.0
 *
 * The scripted engine process as a program of its own, for $AMPHI_WORKER: its "model" is a file
 * that holds "KIND@PHASE". So the product needs no hidden switch to be tested with a worker that
 * dies while it loads.
 */
#include "tests/fault/fault.h"

int main(int argc, char **argv)
{
    fault_worker_main(argc, argv);
    return 2; /* not started as an engine process */
}

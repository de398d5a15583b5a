/* SPDX-License-Identifier: Apache-2.0
 *
 * The variables that the small templates of the unit tests see: {"messages": ..., "extra": ...}.
 */
#ifndef AMPHI_TESTS_TEMPLATE_CONTEXT_H
#define AMPHI_TESTS_TEMPLATE_CONTEXT_H

static const char template_context[] =
    "{\"messages\": [{\"role\": \"system\", \"content\": \"Be <b>.\"}, {\"role\": \"user"
    "\", \"content\": \"Hi there\\n\"}, {\"role\": \"assistant\", \"content\": \"  yo \","
    " \"n\": 3}], \"extra\": {\"s\": \"Hello World\", \"u\": \"K\303\266ln \303\251 \344"
    "\275\240\345\245\275 \303\200\303\211\", \"d\": {\"a\": 1, \"B\": 2, \"c\": [1, 2, {"
    "\"x\": null}], \"items\": 5}, \"e\": {}, \"l\": [3, 1, 2], \"m\": [\"b\", \"A\", \"c"
    "\", \"a\"], \"f\": 1.5, \"i\": -7, \"t\": true, \"n\": null, \"ws\": \"  a  b\\t c "
    "\\n\", \"ld\": [{\"k\": \"x\", \"v\": 1}, {\"k\": \"Y\", \"v\": 2}, {\"k\": \"x\", "
    "\"v\": 3}, {\"v\": 4}], \"nest\": {\"p\": {\"q\": {\"r\": \"deep\"}}}, \"lines\": \""
    "one\\ntwo\\n\\nthree\\r\\nfour\", \"q\": \"it's \\\"q\\\" \\\\ \\n\\t\303\251\342"
    "\200\213\360\237\230\200\", \"empty\": \"\", \"big\": 12345678901, \"html\": \"<a hr"
    "ef='x'>&\\\"</a>\"}}";

#endif

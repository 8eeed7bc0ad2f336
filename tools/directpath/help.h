/* SPDX-License-Identifier: GPL-2.0 */
#ifndef HELP_H
#define HELP_H

/* Usage of an object, of everything if it is NULL; NULL if there is no such object. */
const char *help_text(const char *object);

#endif

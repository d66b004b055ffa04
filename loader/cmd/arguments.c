// SPDX-License-Identifier: GPL-2.0-only
/* The command line, parsed and explained by what the commands declare. */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader/base/memory.h"
#include "loader/cmd/cmd.h"

#define OPTIONS_MAX 16
#define LONG_ONLY 256 /* getopt's value of the first option, above all letters */

void print_command_help(const struct command *command)
{
	const struct command_option *o;

	printf("usage: pinpool %s", command->name);
	if (command->keyword || command->words)
		printf(" %s", command->keyword ? command->keyword : command->words);
	for (o = command->options; o && o->name; o++) {
		bool optional = !(o->flags & (OPTION_REQUIRED | OPTION_ALTERNATIVE));

		printf(" %s%s", o->flags & OPTION_ALTERNATIVE ? "| " : "", optional ? "[" : "");
		if (o->letter)
			printf("-%c", o->letter);
		else
			printf("--%s", o->name);
		if (o->argument)
			printf(" %s", o->argument);
		if (optional)
			printf("]%s", o->flags & OPTION_REPEATED ? "..." : "");
	}
	printf("\n\n%s\n", command->help);
}

static const struct command_option *option_find(const struct command_option *options, int value)
{
	if (value >= LONG_ONLY)
		return &options[value - LONG_ONLY];
	while (options->letter != value)
		options++;
	return options;
}

static void *target_of(struct arguments *args, const struct command_option *o)
{
	return (char *)args + o->target;
}

static void texts_add(struct texts *texts, const char *text)
{
	texts->list = xrealloc(texts->list, (texts->count + 1) * sizeof(*texts->list));
	texts->list[texts->count++] = text;
}

static void option_set(struct arguments *args, const struct command_option *o, const char *text)
{
	if (!o->argument)
		*(bool *)target_of(args, o) = true;
	else if (o->flags & OPTION_REPEATED)
		texts_add(target_of(args, o), text);
	else
		*(const char **)target_of(args, o) = text;
}

int parse_options(const struct command_option *options, bool first_word, int argc, char **argv,
		  struct arguments *args)
{
	struct option longs[OPTIONS_MAX + 1] = {};
	char letters[2 * OPTIONS_MAX + 2], *end = letters;
	int value;

	if (first_word)
		*end++ = '+';
	for (int i = 0; options && options[i].name && i < OPTIONS_MAX; i++) {
		const struct command_option *o = &options[i];

		longs[i] = (struct option){ o->name, o->argument ? required_argument : no_argument, NULL,
					    LONG_ONLY + i };
		if (o->letter)
			*end++ = o->letter;
		if (o->letter && o->argument)
			*end++ = ':';
	}
	*end = 0;
	optind = 0; /* glibc: forget the order and the place of an earlier scan */
	while ((value = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
		if (value == '?')
			return EXIT_USAGE;
		option_set(args, option_find(options, value), optarg);
	}
	for (int i = optind; i < argc; i++)
		texts_add(&args->words, argv[i]);
	return EXIT_DONE;
}

static bool is_missing(struct arguments *args, const struct command_option *o)
{
	const struct texts *texts = target_of(args, o);

	if (!(o->flags & OPTION_REQUIRED))
		return false;
	return o->flags & OPTION_REPEATED ? !texts->count : !*(const char **)target_of(args, o);
}

static bool is_seconds(const char *text)
{
	unsigned long seconds;
	char *end;

	errno = 0;
	seconds = strtoul(text, &end, 10);
	return *text >= '0' && *text <= '9' && !*end && !errno && seconds <= UINT_MAX;
}

static int check_option(struct call *c, const struct command_option *o)
{
	const char *text;

	if (is_missing(&c->args, o))
		return o->letter ? usage_error(c, "-%c is missing", o->letter) :
				   usage_error(c, "--%s is missing", o->name);
	if (!(o->flags & OPTION_SECONDS))
		return EXIT_DONE;
	text = *(const char **)target_of(&c->args, o);
	return !text || is_seconds(text) ? EXIT_DONE :
		usage_error(c, "--%s \"%s\": not a number of seconds", o->name, text);
}

static int check_words(const struct call *c)
{
	const struct command *command = c->command;
	const struct texts *words = &c->args.words;

	if (command->keyword)
		return words->count == 1 && !strcmp(words->list[0], command->keyword) ? EXIT_DONE :
			usage_error(c, "expects \"%s\"", command->keyword);
	if (command->expects && (!words->count || words->count > command->words_max))
		return usage_error(c, "expects %s", command->expects);
	if (words->count > command->words_max)
		return usage_error(c, "unexpected argument \"%s\"", words->list[command->words_max]);
	return EXIT_DONE;
}

int parse_arguments(struct call *c, int argc, char **argv)
{
	const struct command_option *o = c->command->options;
	int status = parse_options(o, false, argc, argv, &c->args);

	if (!status)
		status = check_words(c);
	for (; !status && o && o->name; o++)
		status = check_option(c, o);
	return status;
}

void arguments_free(struct arguments *args)
{
	struct texts *const all[] = { &args->annotations, &args->files, &args->ips, &args->labels,
				      &args->settings, &args->words };

	for (unsigned int i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		free(all[i]->list);
	*args = (struct arguments){};
}

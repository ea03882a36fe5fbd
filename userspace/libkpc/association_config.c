// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The configuration of a network namespace in words.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "association_internal.h"
#include "internal.h"

#define BIT(attribute)	(1U << KPC_A_CONFIG_##attribute)

/* A refusal before anything is stored, so that a word is not half taken. */
static int take_range(struct kpc_config *config, const char *value,
		      struct kpc_error *err)
{
	const char *slash = strchr(value, '/');
	uint64_t number;
	uint64_t mask;
	char first[32];

	if (!slash || slash - value >= (ptrdiff_t)sizeof(first))
		return kpc_error_return(err, -EINVAL,
					"mark-range \"%s\" is not VALUE/MASK; 0x6b000000/0xff000000 is accepted",
					value);
	memcpy(first, value, slash - value);
	first[slash - value] = '\0';
	if (kpci_value_number("mark-range", first, UINT32_MAX, &number, err) ||
	    kpci_value_number("mark-range", slash + 1, UINT32_MAX, &mask, err))
		return -EINVAL;
	if (!mask || number & ~mask)
		return kpc_error_return(err, -EINVAL,
					"mark-range \"%s\" has bits of the value outside the mask",
					value);
	config->mark_value = number;
	config->mark_mask = mask;
	config->set |= BIT(MARK_VALUE) | BIT(MARK_MASK);
	return 0;
}

static int take_agent_lost(struct kpc_config *config, const char *value,
			   struct kpc_error *err)
{
	int found = kpci_value_name("agent-lost", value,
				    &kpci_agent_lost_names, err);

	if (found < 0)
		return found;
	config->agent_lost = found;
	config->set |= BIT(AGENT_LOST);
	return 0;
}

static int take_agent_lost_after(struct kpc_config *config, const char *value,
				 struct kpc_error *err)
{
	config->set |= BIT(AGENT_LOST_SECONDS);
	return kpci_value_duration("agent-lost-after", value,
				   &config->agent_lost_seconds, err);
}

static int take_number(struct kpc_config *config, const char *word,
		       const char *value, uint32_t *to, uint32_t bit,
		       struct kpc_error *err)
{
	uint64_t number;
	int ret;

	ret = kpci_value_number(word, value, UINT32_MAX, &number, err);
	if (ret)
		return ret;
	*to = number;
	config->set |= bit;
	return 0;
}

static int take_handshake_mark(struct kpc_config *config, const char *value,
			       struct kpc_error *err)
{
	return take_number(config, "handshake-mark", value,
			   &config->handshake_mark, BIT(HANDSHAKE_MARK), err);
}

static int take_max_associations(struct kpc_config *config, const char *value,
				 struct kpc_error *err)
{
	return take_number(config, "max-associations", value,
			   &config->max_associations, BIT(MAX_ASSOCIATIONS),
			   err);
}

static int take_max_bindings(struct kpc_config *config, const char *value,
			     struct kpc_error *err)
{
	return take_number(config, "max-bindings", value,
			   &config->max_bindings, BIT(MAX_BINDINGS), err);
}

static int take_max_handshakes(struct kpc_config *config, const char *value,
			       struct kpc_error *err)
{
	return take_number(config, "max-handshakes", value,
			   &config->max_handshakes, BIT(MAX_HANDSHAKES), err);
}

static int take_clock(struct kpc_config *config, const char *value,
		      struct kpc_error *err)
{
	int found = kpci_value_name("clock", value, &kpci_clock_names, err);

	if (found < 0)
		return found;
	config->clock = found;
	config->set |= BIT(CLOCK);
	return 0;
}

static const struct config_word {
	const char *name;
	uint32_t bits;
	int (*take)(struct kpc_config *config, const char *value,
		    struct kpc_error *err);
} config_words[] = {
	{ "mark-range", BIT(MARK_VALUE), take_range },
	{ "handshake-mark", BIT(HANDSHAKE_MARK), take_handshake_mark },
	{ "agent-lost", BIT(AGENT_LOST), take_agent_lost },
	{ "agent-lost-after", BIT(AGENT_LOST_SECONDS), take_agent_lost_after },
	{ "max-associations", BIT(MAX_ASSOCIATIONS), take_max_associations },
	{ "max-bindings", BIT(MAX_BINDINGS), take_max_bindings },
	{ "max-handshakes", BIT(MAX_HANDSHAKES), take_max_handshakes },
	{ "clock", BIT(CLOCK), take_clock },
};

static int take_word(struct kpc_config *config, const char *name,
		     const char *value, struct kpc_error *err)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(config_words); i++) {
		if (strcmp(config_words[i].name, name))
			continue;
		if (!value)
			return kpc_error_return(err, -EINVAL,
						"%s has nothing after it",
						name);
		if (config->set & config_words[i].bits)
			return kpc_error_return(err, -EINVAL,
						"%s is given twice", name);
		return config_words[i].take(config, value, err);
	}
	return kpc_error_return(err, -EINVAL,
				"\"%.30s\" is not known; accepted: mark-range handshake-mark agent-lost agent-lost-after max-associations max-bindings max-handshakes clock",
				name);
}

int kpc_config_parse(struct kpc_config *config, int argc, char **argv,
		     struct kpc_error *err)
{
	int ret;
	int i;

	if (!argc)
		return kpc_error_return(err, -EINVAL,
					"nothing to set; accepted: mark-range handshake-mark agent-lost agent-lost-after max-associations max-bindings max-handshakes clock");
	for (i = 0; i < argc; i += 2) {
		ret = take_word(config, argv[i],
				i + 1 < argc ? argv[i + 1] : NULL, err);
		if (ret)
			return ret;
	}
	return 0;
}

void kpc_config_format(FILE *out, const struct kpc_config *config)
{
	const char *space = "";

	if (config->set & BIT(MARK_VALUE)) {
		fprintf(out, "mark-range 0x%08x/0x%08x", config->mark_value,
			config->mark_mask);
		space = " ";
	}
	if (config->set & BIT(HANDSHAKE_MARK)) {
		fprintf(out, "%shandshake-mark 0x%08x", space,
			config->handshake_mark);
		space = " ";
	}
	if (config->set & BIT(AGENT_LOST) &&
	    config->agent_lost < kpci_agent_lost_names.count) {
		fprintf(out, "%sagent-lost %s", space,
			kpci_agent_lost_names.names[config->agent_lost]);
		space = " ";
	}
	if (config->set & BIT(AGENT_LOST_SECONDS)) {
		fprintf(out, "%sagent-lost-after ", space);
		kpci_duration_format(out, config->agent_lost_seconds);
		space = " ";
	}
	if (config->set & BIT(MAX_ASSOCIATIONS)) {
		fprintf(out, "%smax-associations %u", space,
			config->max_associations);
		space = " ";
	}
	if (config->set & BIT(MAX_BINDINGS)) {
		fprintf(out, "%smax-bindings %u", space, config->max_bindings);
		space = " ";
	}
	if (config->set & BIT(MAX_HANDSHAKES)) {
		fprintf(out, "%smax-handshakes %u", space,
			config->max_handshakes);
		space = " ";
	}
	if (config->set & BIT(CLOCK) && config->clock < kpci_clock_names.count)
		fprintf(out, "%sclock %s", space,
			kpci_clock_names.names[config->clock]);
}

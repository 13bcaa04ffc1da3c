// SPDX-License-Identifier: GPL-2.0-only
/*
 * vib: the language of fault rules: an action, then key=value words. The
 * README has the reference and examples.
 */

#include <linux/ctype.h>
#include <linux/inet.h>
#include <linux/string.h>

#include "vib_rule.h"

#define VIB_LATE	(BIT(VIB_DELAY) | BIT(VIB_REPEAT))
#define VIB_ON_PKTS	(BIT(VIB_DROP) | VIB_LATE | BIT(VIB_REJECT))
#define VIB_ON_QPS	(VIB_ON_PKTS | BIT(VIB_WC_STATUS) | \
			 BIT(VIB_POST_SEND) | BIT(VIB_RQ_EMPTY) | \
			 BIT(VIB_LOST_NOTIFY) | BIT(VIB_STALL))
#define VIB_ON_CALLS	(BIT(VIB_POST_SEND) | BIT(VIB_CREATE_QP) | \
			 BIT(VIB_CREATE_CQ) | BIT(VIB_CREATE_AH))
#define VIB_ON_ALL	(BIT(VIB_NUM_ACTIONS) - 1)

#define VIB_MAX_DELAY_MS	600000
#define VIB_MAX_QPN		0xfffffe

static const char * const vib_action_names[] = {
	[VIB_DROP] = "drop",
	[VIB_DELAY] = "delay",
	[VIB_REPEAT] = "repeat",
	[VIB_REJECT] = "reject",
	[VIB_WC_STATUS] = "wc_status",
	[VIB_POST_SEND] = "post_send",
	[VIB_CREATE_QP] = "create_qp",
	[VIB_CREATE_CQ] = "create_cq",
	[VIB_CREATE_AH] = "create_ah",
	[VIB_SLOW_AH] = "slow_ah",
	[VIB_RQ_EMPTY] = "rq_empty",
	[VIB_LOST_NOTIFY] = "lost_notify",
	[VIB_STALL] = "stall",
};

static const char * const vib_class_names[] = {
	[VIB_CLASS_SMP] = "smp",
	[VIB_CLASS_SA] = "sa",
	[VIB_CLASS_CM] = "cm",
	[VIB_CLASS_PMA] = "pma",
	[VIB_CLASS_GSI] = "gsi",
	[VIB_CLASS_UD] = "ud",
	[VIB_CLASS_RC] = "rc",
};

static const char * const vib_dir_names[] = {
	[VIB_DIR_TX] = "tx",
	[VIB_DIR_RX] = "rx",
};

static const char * const vib_side_names[] = { "send", "recv" };

/**
 * struct vib_rule_key - a key that takes a number or one of some names
 * @name: the key
 * @actions: mask of enum vib_action that know it
 * @offset: of the 32 bit member of struct vib_rule that it sets
 * @min: least value
 * @max: largest value
 * @names: names, when it takes those; their index is the value
 * @num_names: how many
 */
struct vib_rule_key {
	const char *name;
	u32 actions;
	size_t offset;
	u32 min;
	u32 max;
	const char * const *names;
	unsigned int num_names;
};

/* A key that takes a number. */
#define VIB_NUM_KEY(key, act, member, lo, hi) {				\
	.name = key, .actions = act,					\
	.offset = offsetof(struct vib_rule, member),			\
	.min = lo, .max = hi,						\
}

static const struct vib_rule_key vib_rule_keys[] = {
	VIB_NUM_KEY("hca", VIB_ON_ALL, hca, 0, VIB_MAX_HCAS - 1),
	VIB_NUM_KEY("qp", VIB_ON_QPS, qp, 0, VIB_MAX_QPN),
	VIB_NUM_KEY("attr", VIB_ON_PKTS, attr, 0, U16_MAX),
	VIB_NUM_KEY("method", VIB_ON_PKTS, method, 0, U8_MAX),
	VIB_NUM_KEY("ms", VIB_LATE | BIT(VIB_SLOW_AH), ms, 1, VIB_MAX_DELAY_MS),
	VIB_NUM_KEY("status", BIT(VIB_REJECT), status, 1, U16_MAX),
	VIB_NUM_KEY("status", BIT(VIB_WC_STATUS), status, 1,
		    IB_WC_GENERAL_ERR),
	VIB_NUM_KEY("skip", VIB_ON_ALL, skip, 0, S32_MAX),
	VIB_NUM_KEY("every", VIB_ON_ALL, every, 1, S32_MAX),
	VIB_NUM_KEY("count", VIB_ON_ALL, count, 1, S32_MAX),
	VIB_NUM_KEY("ppm", VIB_ON_ALL, ppm, 1, 1000000),
	{
		.name = "class",
		.actions = VIB_ON_PKTS,
		.offset = offsetof(struct vib_rule, class),
		.names = vib_class_names,
		.num_names = ARRAY_SIZE(vib_class_names),
	}, {
		.name = "dir",
		.actions = VIB_ON_PKTS,
		.offset = offsetof(struct vib_rule, dir),
		.names = vib_dir_names,
		.num_names = ARRAY_SIZE(vib_dir_names),
	},
};

static int vib_rule_error(const char *word, const char *why)
{
	pr_err("vib: bad fault rule: %s: '%s'\n", why, word);
	return -EINVAL;
}

static int vib_rule_set_key(struct vib_rule *rule,
			    const struct vib_rule_key *key, const char *word,
			    const char *value)
{
	u32 *member = (void *)rule + key->offset;
	int found;
	u32 v;

	if (key->names) {
		found = match_string(key->names, key->num_names, value);
		if (found < 0)
			return vib_rule_error(word, "unknown name");
		*member = found;
		return 0;
	}
	if (kstrtou32(value, 0, &v))
		return vib_rule_error(word, "not a number");
	if (v < key->min || v > key->max)
		return vib_rule_error(word, "out of range");
	*member = v;
	return 0;
}

static int vib_rule_set_mgid(struct vib_rule *rule, const char *word,
			     const char *value)
{
	const char *end;

	if (!(BIT(rule->action) & VIB_ON_PKTS))
		return vib_rule_error(word, "not with this action");
	if (!in6_pton(value, -1, rule->mgid.raw, -1, &end) || *end)
		return vib_rule_error(word, "not a GID");
	rule->by_mgid = true;
	return 0;
}

/* Keys that stand for others, or set something else than a number. */
static int vib_rule_special(struct vib_rule *rule, const char *word,
			    const char *key, const char *value)
{
	int found;
	u32 n;

	if (!strcmp(key, "mgid"))
		return vib_rule_set_mgid(rule, word, value);
	if (!strcmp(key, "nth")) {
		if (kstrtou32(value, 0, &n) || !n || n > S32_MAX)
			return vib_rule_error(word, "not a positive number");
		rule->skip = n - 1;
		rule->count = 1;
		return 0;
	}
	if (!strcmp(key, "side") && rule->action == VIB_WC_STATUS) {
		found = match_string(vib_side_names,
				     ARRAY_SIZE(vib_side_names), value);
		if (found < 0)
			return vib_rule_error(word, "unknown name");
		rule->recv = found;
		return 0;
	}
	return vib_rule_error(word, "unknown key for this action");
}

static int vib_rule_word(struct vib_rule *rule, char *word)
{
	const struct vib_rule_key *key;
	char name[16];
	char *value;
	size_t i;

	value = strchr(word, '=');
	if (!value) {
		/* "create_qp fail": may be said, need not. */
		if (!strcmp(word, "fail") &&
		    (BIT(rule->action) & VIB_ON_CALLS))
			return 0;
		return vib_rule_error(word, "not key=value");
	}
	if (value - word >= sizeof(name))
		return vib_rule_error(word, "unknown key");
	memcpy(name, word, value - word);
	name[value - word] = '\0';
	value++;
	for (i = 0; i < ARRAY_SIZE(vib_rule_keys); i++) {
		key = &vib_rule_keys[i];
		if (!strcmp(key->name, name) &&
		    (key->actions & BIT(rule->action)))
			return vib_rule_set_key(rule, key, word, value);
	}
	return vib_rule_special(rule, word, name, value);
}

/* What an action must have, and what it has when nothing is said. */
static int vib_rule_complete(struct vib_rule *rule)
{
	switch (rule->action) {
	case VIB_DELAY:
	case VIB_REPEAT:
	case VIB_SLOW_AH:
		if (!rule->ms)
			return vib_rule_error(rule->text, "needs ms=");
		break;
	case VIB_REJECT:
		if (rule->class == VIB_ANY)
			rule->class = VIB_CLASS_SA;
		if (rule->class != VIB_CLASS_SA || !rule->status)
			return vib_rule_error(rule->text,
					      "needs class=sa and status=");
		break;
	case VIB_WC_STATUS:
		if (!rule->status)
			return vib_rule_error(rule->text, "needs status=");
		if (!rule->count && !rule->every && !rule->ppm)
			rule->count = 1;
		break;
	default:
		break;
	}
	return 0;
}

/**
 * vib_rule_parse() - read a rule
 * @rule: filled in; zeroed memory
 * @text: the rule
 *
 * Writes a line to the kernel log when the rule is bad.
 *
 * Return: 0 or -EINVAL.
 */
int vib_rule_parse(struct vib_rule *rule, const char *text)
{
	char buf[VIB_RULE_TEXT];
	char *rest = buf;
	char *word;
	int action;
	int err;

	if (strscpy(rule->text, text, sizeof(rule->text)) < 0)
		return vib_rule_error(text, "too long");
	memcpy(buf, rule->text, sizeof(buf));
	rule->hca = VIB_ANY;
	rule->qp = VIB_ANY;
	rule->class = VIB_ANY;
	rule->attr = VIB_ANY;
	rule->method = VIB_ANY;
	rule->dir = VIB_DIR_RX;

	word = strsep(&rest, " \t");
	action = match_string(vib_action_names, ARRAY_SIZE(vib_action_names),
			      word);
	if (action < 0)
		return vib_rule_error(word, "unknown action");
	rule->action = action;
	while ((word = strsep(&rest, " \t"))) {
		if (!*word)
			continue;
		err = vib_rule_word(rule, word);
		if (err)
			return err;
	}
	return vib_rule_complete(rule);
}

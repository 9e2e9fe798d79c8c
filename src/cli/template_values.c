/* The functions of --format that look at values: len, index, slice, comparisons, logic. */
#include "base/mem.h"
#include "cli/template_tree.h"

#include <errno.h>
#include <string.h>

#define TEXT_LIMIT (16 << 20)

static int wrong_type(struct err *e, const char *wanted)
{
	return err_set(e, EINVAL, "it is for %s", wanted);
}

int template_length(
	struct run *run, const struct value *args, size_t n, struct value *ret, struct err *e)
{
	const json_t *j = args[0].j;

	if (json_is_string(j))
		ret->j = json_integer((json_int_t)json_string_length(j));
	else if (!j || json_is_null(j) || json_is_array(j))
		ret->j = json_integer((json_int_t)json_array_size(j));
	else if (json_is_object(j))
		ret->j = json_integer((json_int_t)json_object_size(j));
	else
		return wrong_type(e, "lists and texts");
	return 0;
}

int template_element(
	struct run *run, const struct value *args, size_t n, struct value *ret, struct err *e)
{
	json_t *j = args[0].j;

	for (size_t i = 1; i < n; i++) {
		json_int_t at;

		if (json_is_object(j) && json_is_string(args[i].j)) {
			j = json_object_get(j, json_string_value(args[i].j));
		} else if (json_is_array(j)) {
			if (template_number(&args[i], &at, e) < 0)
				return -EINVAL;
			if (at < 0 || (size_t)at >= json_array_size(j))
				return err_set(
					e, ERANGE, "there is no element %lld", (long long)at);
			j = json_array_get(j, (size_t)at);
		} else if (!j || json_is_null(j)) {
			return err_set(e, EINVAL, "there is nothing to look in");
		} else {
			return wrong_type(e, "lists and maps, by number and key");
		}
	}
	ret->j = json_incref(j);
	return 0;
}

int template_slice(
	struct run *run, const struct value *args, size_t n, struct value *ret, struct err *e)
{
	bool text = json_is_string(args[0].j);
	size_t len = text ? json_string_length(args[0].j) : json_array_size(args[0].j);
	json_int_t from = 0, to = (json_int_t)len;

	if (!text && !json_is_array(args[0].j))
		return wrong_type(e, "lists and texts");
	if ((n > 1 && template_number(&args[1], &from, e) < 0) ||
		(n > 2 && template_number(&args[2], &to, e) < 0))
		return -EINVAL;
	if (from < 0 || to < from || (size_t)to > len)
		return err_set(
			e, ERANGE, "%lld to %lld are not inside", (long long)from, (long long)to);
	if (text) {
		auto_str s = STR_INIT(TEXT_LIMIT);
		str_add_data(&s, json_string_value(args[0].j) + from, (size_t)(to - from));
		ret->j = json_string(str_text(&s));
		if (!ret->j) /* cut inside a character */
			ret->j = json_string("\uFFFD");
		return 0;
	}
	ret->j = json_array();
	for (json_int_t i = from; i < to; i++)
		json_array_append(ret->j, json_array_get(args[0].j, (size_t)i));
	return 0;
}

static int compare_values(const struct value *a, const struct value *b, int *ret, struct err *e)
{
	double x = json_number_value(a->j), y = json_number_value(b->j);

	if (json_is_string(a->j) && json_is_string(b->j))
		*ret = strcmp(json_string_value(a->j), json_string_value(b->j));
	else if (json_is_number(a->j) && json_is_number(b->j))
		*ret = x < y ? -1 : x > y;
	else if (json_is_boolean(a->j) && json_is_boolean(b->j))
		*ret = json_is_true(a->j) - json_is_true(b->j);
	else if (!a->j || !b->j || json_is_null(a->j) || json_is_null(b->j))
		*ret = template_is_true(a) - template_is_true(b);
	else
		return err_set(e, EINVAL, "two kinds of values cannot be compared");
	return 0;
}

int template_equal(
	struct run *run, const struct value *args, size_t n, struct value *ret, struct err *e)
{
	bool found = false;
	int order;

	for (size_t i = 1; i < n && !found; i++) { /* one of those is enough */
		if (compare_values(&args[0], &args[i], &order, e) < 0)
			return -EINVAL;
		found = order == 0;
	}
	ret->j = json_boolean(found);
	return 0;
}

#define COMPARISON(name, relation)                                                                 \
	int template_##name(struct run *run, const struct value *args, size_t n,                   \
		struct value *ret, struct err *e)                                                  \
	{                                                                                          \
		int order;                                                                         \
		if (compare_values(&args[0], &args[1], &order, e) < 0)                             \
			return -EINVAL;                                                            \
		ret->j = json_boolean(order relation 0);                                           \
		return 0;                                                                          \
	}
COMPARISON(not_equal, !=)
COMPARISON(less, <)
COMPARISON(less_equal, <=)
COMPARISON(greater, >)
COMPARISON(greater_equal, >=)

static int pick(const struct value *args, size_t n, bool truth, struct value *ret)
{
	size_t i = 0;

	while (i + 1 < n && template_is_true(&args[i]) != truth)
		i++;
	*ret = args[i];
	json_incref(ret->j);
	return 0;
}

int template_all_of(
	struct run *run, const struct value *args, size_t n, struct value *ret, struct err *e)
{
	return pick(args, n, false, ret);
}

int template_one_of(
	struct run *run, const struct value *args, size_t n, struct value *ret, struct err *e)
{
	return pick(args, n, true, ret);
}

int template_opposite(
	struct run *run, const struct value *args, size_t n, struct value *ret, struct err *e)
{
	ret->j = json_boolean(!template_is_true(&args[0]));
	return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads TOML with toml++ and copies the document into a tree for C. No exception leaves
 * this file: memory may run out, and some documents, such as "[[[", are for the parser
 * something that cannot be.
 */
#undef NDEBUG /* the parser would take its assertions for granted */
[[noreturn]] static void toml_break();
#define TOML_ASSERT(expr) ((expr) ? (void)0 : toml_break())
#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>
#include <vector>

#include "cli/policy/toml.h"

namespace
{

struct broken {
};

} // namespace

static void toml_break()
{
	throw broken();
}

namespace
{

void *take(size_t n, size_t size)
{
	void *block = std::calloc(n + 1, size);

	if (!block)
		throw std::bad_alloc();
	return block;
}

char *copy_text(std::string_view text)
{
	char *copy = static_cast<char *>(take(text.size(), 1));

	std::memcpy(copy, text.data(), text.size());
	return copy;
}

struct toml_place place(const toml::source_position &position)
{
	return { static_cast<int>(position.line),
		 static_cast<int>(position.column) };
}

void copy(const toml::node &from, struct toml_value *to);

void copy_array(const toml::array &from, struct toml_value *to)
{
	to->u.arr.elem = static_cast<struct toml_value *>(
		take(from.size(), sizeof(struct toml_value)));
	for (const toml::node &element : from)
		copy(element, &to->u.arr.elem[to->u.arr.size++]);
}

/* The parser sorts the keys of a table; errors come in the order of its lines. */
void copy_table(const toml::table &from, struct toml_value *to)
{
	std::vector<std::pair<const toml::key *, const toml::node *>> keys;

	for (auto &&[key, value] : from)
		keys.emplace_back(&key, &value);
	std::stable_sort(keys.begin(), keys.end(), [](auto &a, auto &b) {
		return a.first->source().begin < b.first->source().begin;
	});
	to->u.tab.key = static_cast<char **>(take(keys.size(), sizeof(char *)));
	to->u.tab.value = static_cast<struct toml_value *>(
		take(keys.size(), sizeof(struct toml_value)));
	for (auto &[key, value] : keys) {
		int at = to->u.tab.size;

		to->u.tab.key[at] = copy_text(key->str());
		to->u.tab.size++;
		copy(*value, &to->u.tab.value[at]);
	}
}

/* What is copied when memory runs out can be freed. */
void copy(const toml::node &from, struct toml_value *to)
{
	to->at = place(from.source().begin);
	to->type = TOML_OTHER;
	if (const auto *text = from.as_string()) {
		to->u.str.ptr = copy_text(text->get());
		to->u.str.len = static_cast<int>(text->get().size());
		to->type = TOML_STRING;
	} else if (const auto *number = from.as_integer()) {
		to->u.int64 = number->get();
		to->type = TOML_INT64;
	} else if (const auto *flag = from.as_boolean()) {
		to->u.boolean = flag->get();
		to->type = TOML_BOOLEAN;
	} else if (const auto *array = from.as_array()) {
		to->type = TOML_ARRAY;
		copy_array(*array, to);
	} else if (const auto *table = from.as_table()) {
		to->type = TOML_TABLE;
		copy_table(*table, to);
	}
}

/* The parser and this file call themselves for each table in a table. */
constexpr int DOTS_MOST = 16;

/*
 * Return the first line with more dots than keys of policies can have, which are tables in
 * tables, or 0. Dots in strings and comments do not count.
 */
int deep_line(std::string_view text)
{
	int line = 1, dots = 0;
	char quote = 0;
	bool is_long = false, is_comment = false;

	for (size_t i = 0; i < text.size(); i++) {
		char c = text[i], next = i + 1 < text.size() ? text[i + 1] : 0;
		bool triple =
			next == c && i + 2 < text.size() && text[i + 2] == c;

		if (c == '\n') {
			line++;
			dots = 0;
			is_comment = false;
			quote = is_long ? quote : 0;
		} else if (is_comment) {
			continue;
		} else if (!quote && (c == '"' || c == '\'')) {
			quote = c;
			is_long = triple;
			i += triple ? 2 : 0;
		} else if (quote == '"' && c == '\\' && next != '\n') {
			i++;
		} else if (quote && c == quote && (!is_long || triple)) {
			/* two more may belong to the string */
			for (int n = 1; is_long && n < 5 &&
					i + 1 < text.size() && text[i + 1] == c;
			     n++)
				i++;
			quote = 0;
			is_long = false;
		} else if (!quote && c == '#') {
			is_comment = true;
		} else if (!quote && c == '.' && ++dots > DOTS_MOST) {
			return line;
		}
	}
	return 0;
}

bool is_broken(std::string_view text)
{
	try {
		toml::parse_result result = toml::parse(text);

		return false;
	} catch (const broken &) {
		return true;
	}
}

/* Return the line that breaks the parser. */
int broken_line(std::string_view text)
{
	std::vector<size_t> ends;

	for (size_t i = 0; i < text.size(); i++)
		if (text[i] == '\n')
			ends.push_back(i);
	return 1 +
	       static_cast<int>(std::partition_point(
					ends.begin(), ends.end(),
					[&](size_t end) {
						return !is_broken(
							text.substr(0, end));
					}) -
				ends.begin());
}

int wrong(struct toml_place where, const char *why, struct toml_place *at,
	  char *error, size_t size)
{
	*at = where;
	std::snprintf(error, size, "%s", why);
	return -EINVAL;
}

int read(std::string_view text, struct toml_value *document,
	 struct toml_place *at, char *error, size_t size)
{
	int deep = deep_line(text);

	if (deep)
		return wrong({ deep, 0 }, "too many dots: no table is so deep",
			     at, error, size);
	try {
		toml::parse_result result = toml::parse(text);

		if (!result)
			return wrong(
				place(result.error().source().begin),
				std::string(result.error().description())
					.c_str(),
				at, error, size);
		copy(result.table(), document);
		return 0;
	} catch (const broken &) {
		return wrong({ broken_line(text), 0 }, "this is no TOML", at,
			     error, size);
	}
}

} // namespace

int toml_read(const char *text, size_t len, struct toml_value *document,
	      struct toml_place *at, char *error, size_t size)
{
	std::memset(document, 0, sizeof(*document));
	try {
		return read(std::string_view(text, len), document, at, error,
			    size);
	} catch (const std::bad_alloc &) {
		toml_free(document);
		return -ENOMEM;
	}
}

void toml_free(struct toml_value *value)
{
	switch (value->type) {
	case TOML_STRING:
		std::free(value->u.str.ptr);
		break;
	case TOML_ARRAY:
		for (int i = 0; i < value->u.arr.size; i++)
			toml_free(&value->u.arr.elem[i]);
		std::free(value->u.arr.elem);
		break;
	case TOML_TABLE:
		for (int i = 0; i < value->u.tab.size; i++) {
			std::free(value->u.tab.key[i]);
			toml_free(&value->u.tab.value[i]);
		}
		std::free(value->u.tab.key);
		std::free(value->u.tab.value);
		break;
	default:
		break;
	}
	std::memset(value, 0, sizeof(*value));
}

const struct toml_value *toml_get(const struct toml_value *table,
				  const char *key)
{
	for (int i = 0; i < table->u.tab.size; i++)
		if (std::strcmp(table->u.tab.key[i], key) == 0)
			return &table->u.tab.value[i];
	return nullptr;
}

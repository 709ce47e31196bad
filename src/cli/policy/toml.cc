/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads TOML with toml++ and copies the document into a tree for C. Memory that runs out
 * is the only exception: none leaves this file.
 */
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
	to->u.tab.key =
		static_cast<char **>(take(keys.size(), sizeof(char *)));
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
	to->lineno = static_cast<int>(from.source().begin.line);
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

} // namespace

int toml_read(const char *text, size_t len, struct toml_value *document,
	      int *line, char *error, size_t size)
{
	std::memset(document, 0, sizeof(*document));
	try {
		toml::parse_result result =
			toml::parse(std::string_view(text, len));

		if (!result) {
			std::string_view why = result.error().description();

			*line = static_cast<int>(
				result.error().source().begin.line);
			std::snprintf(error, size, "%.*s",
				      static_cast<int>(why.size()),
				      why.data());
			return -EINVAL;
		}
		copy(result.table(), document);
		return 0;
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

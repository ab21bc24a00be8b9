/* test_compat_table.c - tests of client/cli/compat_table.c. */
#include "client/cli/compat_table.h"
#include "wire/err.h"

#include <criterion/criterion.h>

#define ENTRY(name, module, safety, free_threading, since)                                                             \
    "{\"name\": \"" name "\", \"modules\": [\"" module "\"], \"thread_safety\": \"" safety "\", \"free_threading\": \"" \
    free_threading "\", \"since\": " since ", \"advice\": \"Think.\", \"sources\": [], \"checked\": \"2026-11-22\"}"
#define TABLE(entries) "{\"format\": 1, \"libraries\": [" entries "]}"

static struct compat_table table;

static void
set_up(void)
{
    cr_assert_eq(compat_table_init(&table, TABLE(ENTRY("pillow", "PIL", "conditional", "yes", "\"11.0.0\"") ","
                                                 ENTRY("scikit-learn", "sklearn", "unknown", "no", "null"))), OK);
}

static void
tear_down(void)
{
    compat_table_fini(&table);
}

TestSuite(compat_table, .init = set_up, .fini = tear_down);

Test(compat_table, a_library_is_found_by_its_name_and_by_what_is_imported)
{
    cr_assert_str_eq(compat_find(&table, "pillow")->name, "pillow");
    cr_assert_str_eq(compat_find(&table, "PIL")->name, "pillow");
    cr_assert_str_eq(compat_find(&table, "Scikit_Learn")->name, "scikit-learn");
    cr_assert_null(compat_find(&table, "pil low"));
}

Test(compat_table, a_near_name_is_suggested_and_a_far_one_is_not)
{
    cr_assert_str_eq(compat_suggest(&table, "pilow")->name, "pillow");
    cr_assert_str_eq(compat_suggest(&table, "scikit")->name, "scikit-learn");
    cr_assert_null(compat_suggest(&table, "tensorflow"));
}

Test(compat_table, fields_are_read)
{
    const struct compat_library *library = compat_find(&table, "pillow");

    cr_assert_eq(library->thread_safety, THREAD_SAFETY_CONDITIONAL);
    cr_assert_eq(library->free_threading, FREE_THREADING_YES);
    cr_assert_str_eq(library->since, "11.0.0");
    cr_assert_null(compat_find(&table, "sklearn")->since);
}

Test(compat_table, a_word_that_is_none_of_the_schema_is_refused)
{
    struct compat_table other;

    cr_assert_eq(compat_table_init(&other, TABLE(ENTRY("a", "a", "perhaps", "yes", "null"))), ERR_INVALID);
    cr_assert_eq(compat_table_init(&other, TABLE(ENTRY("a", "a", "safe", "soon", "null"))), ERR_INVALID);
    cr_assert_eq(compat_table_init(&other, "{}"), ERR_INVALID);
    cr_assert_eq(compat_table_init(&other, "not json"), ERR_INVALID);
}

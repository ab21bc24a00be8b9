/* test_err.c - the error catalogue. */
#include "wire/err.h"

#include <criterion/criterion.h>
#include <string.h>

Test(err, every_code_is_found_by_its_name)
{
    for (int code = ERROR_NONE + 1; code < ERROR_CODES; code++) {
        const char *name = error_code_name((enum error_code)code);

        cr_expect(error_code_find(name, (unsigned)strlen(name)) == (enum error_code)code, "%s", name);
    }
}

Test(err, no_two_codes_have_one_name)
{
    for (int a = ERROR_NONE + 1; a < ERROR_CODES; a++)
        for (int b = a + 1; b < ERROR_CODES; b++)
            cr_expect(strcmp(error_code_name((enum error_code)a), error_code_name((enum error_code)b)) != 0);
}

Test(err, what_is_no_name_is_not_found)
{
    cr_expect(error_code_find("", 0) == ERROR_NONE);
    cr_expect(error_code_find("none", 4) == ERROR_NONE);
    cr_expect(error_code_find("busy", 3) == ERROR_NONE, "a part of a name");
    cr_expect(error_code_find("busyness", 8) == ERROR_NONE);
    cr_expect(error_code_find("BUSY", 4) == ERROR_NONE);
}

Test(err, a_number_that_is_no_code_is_an_internal_error)
{
    cr_expect_str_eq(error_code_name(ERROR_NONE), "internal");
    cr_expect_str_eq(error_code_name(ERROR_CODES), "internal");
}

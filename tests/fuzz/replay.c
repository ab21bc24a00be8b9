/* replay.c - runs a fuzzer's entry once for each file of a folder: no clang is needed.
 * Usage: replay NAME FOLDER|FILE... */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned inputs;

/* The bytes lie in a block of exactly their size. */
static void
replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    struct stat status;
    uint8_t *data;

    if (!file || fstat(fileno(file), &status) != 0) {
        perror(path);
        exit(2);
    }
    data = malloc(status.st_size > 0 ? (size_t)status.st_size : 1);
    if (!data || fread(data, 1, (size_t)status.st_size, file) != (size_t)status.st_size)
        abort();
    fclose(file);
    fprintf(stderr, "%s\n", path);
    LLVMFuzzerTestOneInput(data, (size_t)status.st_size);
    free(data);
    inputs++;
}

static void
replay_folder(const char *path)
{
    struct dirent **names;
    int count = scandir(path, &names, NULL, alphasort);

    if (count < 0) {
        perror(path);
        exit(2);
    }
    for (int i = 0; i < count; i++) {
        char *file;

        if (names[i]->d_name[0] != '.') {
            if (asprintf(&file, "%s/%s", path, names[i]->d_name) < 0)
                abort();
            replay_file(file);
            free(file);
        }
        free(names[i]);
    }
    free(names);
}

int
main(int argc, char **argv)
{
    struct stat status;

    if (argc < 3) {
        fprintf(stderr, "usage: replay NAME FOLDER|FILE...\n");
        return 2;
    }
    for (int i = 2; i < argc; i++) {
        if (stat(argv[i], &status) == 0 && S_ISDIR(status.st_mode))
            replay_folder(argv[i]);
        else
            replay_file(argv[i]);
    }
    printf("replay: %u inputs of %s, no finding\n", inputs, argv[1]);
    return inputs > 0 ? 0 : 1;
}

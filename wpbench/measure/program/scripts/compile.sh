# 16 files of generated C, functions and a table, compiled by make -j as automake writes its rules:
# each compiler is run by a shell, bash as on many distributions.
for file in $(seq 16); do
    mawk -v file="$file" 'BEGIN {
        srand(file)
        print "#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n#include <math.h>"
        for (f = 0; f < 12; f++) {
            printf "static long f%d_%d(long a, long b)\n{\n\tlong s = %d;\n", file, f, f
            printf "\tfor (long i = 0; i < a; i++) {\n\t\tswitch ((b + i) %% 8) {\n"
            for (c = 0; c < 8; c++)
                printf "\t\tcase %d: s = s * %d + (i << %d) - (s >> %d); break;\n", c,
                    3 + int(rand() * 97), 1 + int(rand() * 5), 1 + int(rand() * 7)
            printf "\t\t}\n\t}\n\treturn s%s;\n}\n", f ? " + f" file "_" f - 1 "(b & 7, s)" : ""
        }
        printf "long file_%d(long a) { return f%d_11(a, a + 1); }\n", file, file
        printf "const struct { const char *name; long value; } table_%d[] = {\n", file
        for (i = 0; i < 30000; i++)
            printf "\t{ \"entry %d\", %d },\n", i, int(rand() * 100000)
        print "};"
    }' >"file$file.c"
done
cat >Makefile <<'END'
SHELL := /bin/bash
objects := $(patsubst %.c,%.o,$(wildcard *.c))
all: $(objects)
%.o: %.c
	@if gcc -O2 -g -MD -MF $*.Tpo -c -o $@ $<; then mv -f $*.Tpo $*.Po; else exit 1; fi
END
exec make -s -j "$JOBS"

/* A program of tests that need nothing made before the first. */
#include "checks.h"

int main(void)
{
    return t_run_all();
}

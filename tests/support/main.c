/* The main() of test programs without a set-up. */
#include "checks.h"

int main(void)
{
    return t_run_all();
}

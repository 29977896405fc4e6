/* SPDX-License-Identifier: MIT */
/* Dies of an illegal instruction where there is no AVX-512. */
int main(void)
{
    __asm__ volatile("vpxord %%zmm0, %%zmm0, %%zmm0" ::: "xmm0");
    return 0;
}

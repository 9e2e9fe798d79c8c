/* What starting any program costs: same compiler, flags and linkage as redock, and nothing to do.
 */
int main(void)
{
	return 0;
}

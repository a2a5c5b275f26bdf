#ifndef MALLOC_COUNT_H
#define MALLOC_COUNT_H
/* How often the calling thread has asked for memory since it began. */
unsigned long malloc_count(void);
#endif

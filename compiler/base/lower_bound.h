/* Binary search. */
#ifndef SKLC_BASE_LOWER_BOUND_H
#define SKLC_BASE_LOWER_BOUND_H

/* The first INDEX of [first, end) where CONDITION holds, or END if there is none. CONDITION is an expression of
 * INDEX; where it holds once it must hold up to the end. INDEX and the result have END's type. */
#define LOWER_BOUND(index, first, end, condition)                                                  \
	({                                                                                         \
		__typeof__((end) + 0) index, low_ = (first), high_ = (end);                        \
                                                                                                   \
		while (low_ < high_) {                                                             \
			index = low_ + (high_ - low_) / 2;                                         \
			if (condition)                                                             \
				high_ = index;                                                     \
			else                                                                       \
				low_ = index + 1;                                                  \
		}                                                                                  \
		low_;                                                                              \
	})

#endif

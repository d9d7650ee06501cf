/** The page: a share in percent. */

import { shown } from '../format.js';

export const percent = (share: number | null): string => shown(share, 'share');

/** Id of the words that name a group of inputs. */
export function labelId(id: string): string {
  return `${id}-label`;
}

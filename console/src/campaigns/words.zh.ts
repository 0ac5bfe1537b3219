const zh = {
  title: "批量外呼",
};

export default zh;

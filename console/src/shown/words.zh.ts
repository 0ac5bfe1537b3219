const zh = {
  retry: "重试",
  more: "更多",
  nothing: "暂无数据",
  as_of: "截至 {{time}}",
  detail: "技术说明",
  copied: "已复制",
  undo: "撤销",
};

export default zh;
